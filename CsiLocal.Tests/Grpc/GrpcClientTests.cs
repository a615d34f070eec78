using System.Net;
using System.Net.Http.Headers;
using Csi.V1;
using CsiLocal.Grpc;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Grpc;

/// <summary>The client against answers our server would not give.</summary>
public sealed class GrpcClientTests : GrpcTest
{
    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData(400, nameof(StatusCode.Internal))]
    [InlineData(401, nameof(StatusCode.Unauthenticated))]
    [InlineData(403, nameof(StatusCode.PermissionDenied))]
    [InlineData(404, nameof(StatusCode.Unimplemented))]
    [InlineData(429, nameof(StatusCode.Unavailable))]
    [InlineData(500, nameof(StatusCode.Unknown))]
    [InlineData(502, nameof(StatusCode.Unavailable))]
    [InlineData(503, nameof(StatusCode.Unavailable))]
    [InlineData(504, nameof(StatusCode.Unavailable))]
    public Task Http_status_becomes_the_status_of_the_table(int httpStatus, string expected) =>
        AssertFailsAsync(Enum.Parse<StatusCode>(expected), () => ProbeAsync(new HttpResponseMessage((HttpStatusCode)httpStatus)));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public Task Answer_that_is_no_grpc_is_unknown() =>
        AssertFailsAsync(StatusCode.Unknown, () => ProbeAsync(Answer("<html/>"u8.ToArray(), "0", "text/html")));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public Task Answer_without_a_status_is_an_internal_error() =>
        AssertFailsAsync(StatusCode.Internal, () => ProbeAsync(Answer(Frame(new ProbeResponse()), status: null)));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public Task Status_that_is_no_number_is_unknown() =>
        AssertFailsAsync(StatusCode.Unknown, () => ProbeAsync(Answer([], "great")));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public Task OK_without_a_message_is_an_internal_error() =>
        AssertFailsAsync(StatusCode.Internal, () => ProbeAsync(Answer([], "0")));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public Task Two_messages_in_a_unary_answer_are_an_internal_error() =>
        AssertFailsAsync(StatusCode.Internal, () => ProbeAsync(Answer([.. Frame(new ProbeResponse()), .. Frame(new ProbeResponse())], "0")));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public Task Status_that_is_not_OK_outranks_a_message() =>
        AssertFailsAsync(StatusCode.Aborted, () => ProbeAsync(Answer(Frame(new ProbeResponse()), "10")));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public Task Message_cut_off_is_an_internal_error() =>
        AssertFailsAsync(StatusCode.Internal, () => ProbeAsync(Answer([0, 0, 0, 0, 9, 1], "0")));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public Task Message_beyond_the_limit_is_refused() =>
        AssertFailsAsync(StatusCode.ResourceExhausted, () => ProbeAsync(Answer([0, 255, 255, 255, 255], "0")));

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Authority_is_localhost_on_a_unix_socket_and_the_host_elsewhere()
    {
        Assert.Equal("http://localhost/csi.v1.Identity/Probe", await AddressOfProbeAsync("unix:///run/x.sock"));
        Assert.Equal("http://10.0.0.7:9000/csi.v1.Identity/Probe", await AddressOfProbeAsync("http://10.0.0.7:9000"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Request_carries_what_a_grpc_server_looks_for()
    {
        HttpRequestMessage? sent = null;
        using var handler = new StubHandler(request =>
        {
            sent = request;
            return Answer(Frame(new ProbeResponse()), "0");
        });
        using var channel = GrpcChannel.ForAddress("http://localhost:1", new GrpcChannelOptions { HttpHandler = handler });

        await new Identity.IdentityClient(channel).ProbeAsync(new ProbeRequest(), deadline: DateTime.UtcNow.AddSeconds(30), cancellationToken: TestToken);

        Assert.Equal(HttpVersion.Version20, sent!.Version);
        Assert.Equal(HttpMethod.Post, sent.Method);
        Assert.Equal("application/grpc", sent.Content!.Headers.ContentType!.MediaType);
        Assert.Equal("trailers", sent.Headers.GetValues("te").Single());
        Assert.Matches("^[0-9]{1,8}u$", sent.Headers.GetValues("grpc-timeout").Single());
    }

    [Theory]
    [InlineData("unix:///run/x.sock", "unix:///run/x.sock")]
    [InlineData("unix:/run/x.sock", "unix:///run/x.sock")]
    [InlineData("/run/x.sock", "unix:///run/x.sock")]
    [InlineData("http://host:80", "http://host:80")]
    [InlineData("https://host:9000/", "https://host:9000")]
    public void Endpoint_forms_are_understood(string text, string name) => Assert.Equal(name, GrpcEndpoint.Parse(text).Name);

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("x.sock")]
    [InlineData("unix://x.sock")]
    [InlineData("tcp://host:1")]
    [InlineData("http://host/path")]
    public void Other_endpoint_forms_are_refused(string text) => Assert.Throws<FormatException>(() => GrpcEndpoint.Parse(text));

    [Fact]
    public void Socket_path_beyond_the_limit_is_refused_with_the_limit()
    {
        var exception = Assert.Throws<FormatException>(() => GrpcEndpoint.Parse("/" + new string('x', 107)));

        Assert.Contains("107 bytes", exception.Message, StringComparison.Ordinal);
    }

    private static async Task<string> AddressOfProbeAsync(string endpoint)
    {
        Uri? address = null;
        using var handler = new StubHandler(request =>
        {
            address = request.RequestUri;
            return Answer(Frame(new ProbeResponse()), "0");
        });
        using var channel = GrpcChannel.ForAddress(endpoint, new GrpcChannelOptions { HttpHandler = handler });
        await new Identity.IdentityClient(channel).ProbeAsync(new ProbeRequest(), cancellationToken: TestToken);
        return address!.AbsoluteUri;
    }

    private static async Task<ProbeResponse> ProbeAsync(HttpResponseMessage answer)
    {
        using var handler = new StubHandler(_ => answer);
        using var channel = GrpcChannel.ForAddress("http://localhost:1", new GrpcChannelOptions { HttpHandler = handler });
        return await new Identity.IdentityClient(channel).ProbeAsync(new ProbeRequest(), cancellationToken: TestToken);
    }

    private static HttpResponseMessage Answer(byte[] body, string? status, string contentType = "application/grpc")
    {
        var answer = new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(body) };
        answer.Content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        if (status is not null)
            answer.TrailingHeaders.Add("grpc-status", status);
        return answer;
    }

    private sealed class StubHandler(Func<HttpRequestMessage, HttpResponseMessage> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(answer(request));
    }
}
