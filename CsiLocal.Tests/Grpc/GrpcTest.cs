using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Csi.V1;
using CsiLocal.Grpc;
using CsiLocal.Tests.Support;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Grpc;

/// <summary>What the gRPC tests share: three fake services on a server, clients for them, and raw requests.</summary>
public abstract class GrpcTest
{
    internal const string ProbePath = "/csi.v1.Identity/Probe";
    internal const string CreateVolumePath = "/csi.v1.Controller/CreateVolume";
    internal const int TestTimeoutMilliseconds = 30_000;

    internal FakeIdentity IdentityService { get; } = new();

    internal FakeSnapshotMetadata MetadataService { get; } = new();

    internal static CancellationToken TestToken => TestContext.Current.CancellationToken;

    internal Task<GrpcTestServer> StartAsync() => StartAsync(new GrpcServerOptions());

    internal Task<GrpcTestServer> StartAsync(GrpcServerOptions options, params IServerInterceptor[] interceptors) =>
        GrpcTestServer.StartAsync(
            map =>
            {
                Identity.BindService(map, IdentityService);
                SnapshotMetadata.BindService(map, MetadataService);
                Controller.BindService(map, new FakeController());
            },
            options,
            interceptors);

    internal static Task<ProbeResponse> ProbeAsync(GrpcTestServer server) =>
        new Identity.IdentityClient(server.Channel).ProbeAsync(new ProbeRequest(), cancellationToken: TestToken).ResponseAsync;

    internal static async Task AssertAnswersAsync(GrpcTestServer server) => Assert.True((await ProbeAsync(server)).Ready);

    internal static byte[] Frame(IMessage message) => Frame(message.ToByteArray());

    internal static byte[] Frame(byte[] payload, byte flags = 0)
    {
        var frame = new byte[5 + payload.Length];
        frame[0] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), payload.Length);
        payload.CopyTo(frame, 5);
        return frame;
    }

    internal static HttpRequestMessage Request(string path, HttpContent content, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://localhost{path}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.ContentType ??= new MediaTypeHeaderValue("application/grpc");
        request.Headers.TryAddWithoutValidation("te", "trailers");
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }

    /// <summary>Sends bytes as the body of a call and returns what the server said.</summary>
    internal static async Task<RawReply> SendAsync(GrpcTestServer server, string path, byte[] body, params (string Name, string Value)[] headers)
    {
        using var request = Request(path, new ByteArrayContent(body), headers);
        return await SendAsync(server, request);
    }

    internal static async Task<RawReply> SendAsync(GrpcTestServer server, HttpRequestMessage request)
    {
        using var http = server.CreateHttpClient();
        using var response = await http.SendAsync(request, TestToken);
        var body = await response.Content.ReadAsByteArrayAsync(TestToken);
        return new RawReply(response, body);
    }

    internal static async Task<RpcException> AssertFailsAsync(StatusCode expected, Func<Task> call)
    {
        var exception = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(expected == exception.StatusCode, $"expected {expected}, got {exception.Status}");
        return exception;
    }

    internal static void AssertStatus(StatusCode expected, RawReply reply) =>
        Assert.True(expected == reply.Status, $"expected {expected}, got HTTP {reply.HttpStatus}, {reply.Status}: {reply.Message}");

    /// <summary>One answer as it stood on the wire.</summary>
    internal sealed class RawReply(HttpResponseMessage response, byte[] body)
    {
        public byte[] Body { get; } = body;

        public int HttpStatus { get; } = (int)response.StatusCode;

        public StatusCode? Status { get; } = Find(response, "grpc-status") is { } text ? (StatusCode)int.Parse(text, null) : null;

        public string? Message { get; } = Find(response, "grpc-message");

        public bool IsTrailersOnly { get; } = response.Headers.Contains("grpc-status");

        public string? Header(string name) => Find(response, name);

        private static string? Find(HttpResponseMessage response, string name) =>
            response.TrailingHeaders.TryGetValues(name, out var values) || response.Headers.TryGetValues(name, out values) ? values.Single() : null;
    }
}
