using System.Net.Http.Headers;
using Csi.V1;
using CsiLocal.Grpc;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Grpc;

/// <summary>The server's side of the protocol, spoken to by a plain HTTP/2 client.</summary>
public sealed class GrpcProtocolTests : GrpcTest
{
    private static readonly byte[] s_probe = Frame(new ProbeRequest());

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Good_call_has_one_message_in_the_body_and_its_status_in_the_trailers()
    {
        await using var server = await StartAsync();

        var reply = await SendAsync(server, ProbePath, s_probe);

        AssertStatus(StatusCode.OK, reply);
        Assert.Equal(200, reply.HttpStatus);
        Assert.False(reply.IsTrailersOnly);
        Assert.Equal(Frame(new ProbeResponse { Ready = true }), reply.Body);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Failure_before_any_message_is_a_trailers_only_reply()
    {
        IdentityService.OnProbe = (_, _) => throw new RpcException(new Status(StatusCode.NotFound, "\u00fc%\n"));
        await using var server = await StartAsync();

        var reply = await SendAsync(server, ProbePath, s_probe);

        AssertStatus(StatusCode.NotFound, reply);
        Assert.Equal(200, reply.HttpStatus);
        Assert.True(reply.IsTrailersOnly);
        Assert.Equal("%C3%BC%25%0A", reply.Message);
        Assert.Empty(reply.Body);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("/csi.v1.Identity/Nothing", "unknown method Nothing of service csi.v1.Identity")]
    [InlineData("/csi.v9.Identity/Probe", "unknown service csi.v9.Identity")]
    [InlineData("/", "unknown service ")]
    [InlineData("/csi.v1.Identity/Probe/", "unknown service csi.v1.Identity/Probe")]
    public async Task Unknown_path_is_unimplemented(string path, string message)
    {
        await using var server = await StartAsync();

        var reply = await SendAsync(server, path, s_probe);

        AssertStatus(StatusCode.Unimplemented, reply);
        Assert.Equal(message, reply.Message);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("application/json", 415)]
    [InlineData("application/grpc-web", 415)]
    [InlineData("application/grpc+json", 415)]
    [InlineData("application/grpc", 200)]
    [InlineData("application/grpc+proto", 200)]
    [InlineData("application/grpc; charset=utf-8", 200)]
    public async Task Content_type_must_be_grpc(string contentType, int httpStatus)
    {
        await using var server = await StartAsync();
        using var content = new ByteArrayContent(s_probe);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        using var request = Request(ProbePath, content);

        Assert.Equal(httpStatus, (await SendAsync(server, request)).HttpStatus);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Only_POST_is_taken()
    {
        await using var server = await StartAsync();
        using var request = Request(ProbePath, new ByteArrayContent(s_probe));
        request.Method = HttpMethod.Put;

        Assert.Equal(405, (await SendAsync(server, request)).HttpStatus);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Request_without_te_trailers_is_refused()
    {
        await using var server = await StartAsync();
        using var request = Request(ProbePath, new ByteArrayContent(s_probe));
        request.Headers.Remove("te");

        AssertStatus(StatusCode.Internal, await SendAsync(server, request));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Compressed_message_is_refused_and_the_reply_says_what_is_accepted()
    {
        await using var server = await StartAsync();

        var reply = await SendAsync(server, ProbePath, Frame([1, 2, 3], flags: 1), ("grpc-encoding", "gzip"));

        AssertStatus(StatusCode.Unimplemented, reply);
        Assert.Equal("identity", reply.Header("grpc-accept-encoding"));
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(255)]
    public async Task Flags_without_a_meaning_are_refused(byte flags)
    {
        await using var server = await StartAsync();

        AssertStatus(StatusCode.Internal, await SendAsync(server, ProbePath, Frame([], flags)));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Encoding_that_is_named_but_not_used_is_no_obstacle()
    {
        await using var server = await StartAsync();

        AssertStatus(StatusCode.OK, await SendAsync(server, ProbePath, s_probe, ("grpc-encoding", "gzip")));
    }

    public static TheoryData<string, byte[]> BadBodies => new()
    {
        { "the request holds no message", [] },
        { "the request ends in the middle of a message", [0, 0, 0] },
        { "the request ends in the middle of a message", [0, 0, 0, 0, 9, 1, 2] },
        { "the request holds more than the one message this call takes", [.. s_probe, .. s_probe] },
        { "the request holds more than the one message this call takes", [.. s_probe, 0] },
    };

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [MemberData(nameof(BadBodies))]
    public async Task Body_that_is_not_exactly_one_message_is_refused(string message, byte[] body)
    {
        await using var server = await StartAsync();

        var reply = await SendAsync(server, ProbePath, body);

        AssertStatus(StatusCode.Internal, reply);
        Assert.Equal(message, reply.Message);
        await AssertAnswersAsync(server);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData(new byte[] { 0x0a, 0xff })]
    [InlineData(new byte[] { 0x0a, 0x7f, 1 })]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff })]
    public async Task Bytes_that_are_no_protobuf_are_refused_by_name(byte[] payload)
    {
        await using var server = await StartAsync();

        var reply = await SendAsync(server, CreateVolumePath, Frame(payload));

        AssertStatus(StatusCode.Internal, reply);
        Assert.StartsWith("the request is not a valid CreateVolumeRequest: ", reply.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Frame_may_arrive_byte_by_byte()
    {
        await using var server = await StartAsync();
        using var request = Request(CreateVolumePath, new PushContent(async (stream, cancellationToken) =>
        {
            foreach (var b in Frame(new CreateVolumeRequest { Name = "in pieces" }))
            {
                await stream.WriteAsync(new[] { b }, cancellationToken);
                await stream.FlushAsync(cancellationToken);
            }
        }));

        var reply = await SendAsync(server, request);

        AssertStatus(StatusCode.OK, reply);
        Assert.Equal(Frame(new CreateVolumeResponse { Volume = new Volume { VolumeId = "in pieces" } }), reply.Body);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Message_at_the_limit_is_taken_and_one_byte_more_is_not()
    {
        await using var server = await StartAsync(new GrpcServerOptions { MaxReceiveMessageBytes = 1000 });
        var fits = new CreateVolumeRequest { Name = new string('x', 997) };
        var tooLong = new CreateVolumeRequest { Name = new string('x', 998) };

        AssertStatus(StatusCode.OK, await SendAsync(server, CreateVolumePath, Frame(fits)));
        var reply = await SendAsync(server, CreateVolumePath, Frame(tooLong));

        AssertStatus(StatusCode.ResourceExhausted, reply);
        Assert.Equal("the request message has 1001 bytes, at most 1000 are accepted", reply.Message);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Headers_that_are_no_metadata_do_not_stop_a_call()
    {
        Metadata? seen = null;
        IdentityService.OnProbe = (_, context) =>
        {
            seen = context.RequestHeaders;
            return Task.FromResult(new ProbeResponse());
        };
        await using var server = await StartAsync();

        AssertStatus(
            StatusCode.OK,
            await SendAsync(server, ProbePath, s_probe, ("bad-bin", "***"), ("odd!", "x"), ("padded-bin", "AQ=="), ("bare-bin", "AQ"), ("many-bin", "AQ,Ag==")));

        Assert.DoesNotContain(seen!, entry => entry.Key is "bad-bin" or "odd!" or "content-type" or "te");
        Assert.Equal([1], seen!.GetValueBytes("padded-bin"));
        Assert.Equal([1], seen!.GetValueBytes("bare-bin"));
        Assert.Equal([[1], [2]], seen!.GetAll("many-bin").Select(entry => entry.ValueBytes));
    }
}
