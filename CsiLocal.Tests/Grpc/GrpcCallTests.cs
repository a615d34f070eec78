using System.Net.Sockets;
using Csi.V1;
using CsiLocal.Grpc;
using CsiLocal.Tests.Support;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Grpc;

/// <summary>Calls as they should be, with our client and our server.</summary>
public sealed class GrpcCallTests : GrpcTest
{
    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Unary_call_returns_the_response()
    {
        await using var server = await StartAsync();

        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Blocking_call_returns_the_response()
    {
        await using var server = await StartAsync();

        var response = new Identity.IdentityClient(server.Channel).Probe(new ProbeRequest(), cancellationToken: TestToken);

        Assert.True(response.Ready);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Stream_delivers_every_message_in_order()
    {
        await using var server = await StartAsync();
        using var call = new SnapshotMetadata.SnapshotMetadataClient(server.Channel)
            .GetMetadataAllocated(new GetMetadataAllocatedRequest { MaxResults = 5000 }, cancellationToken: TestToken);

        var offsets = new List<long>();
        await foreach (var response in call.ResponseStream.ReadAllAsync(TestToken))
            offsets.Add(response.BlockMetadata[0].ByteOffset);

        Assert.Equal(Enumerable.Range(0, 5000).Select(i => (long)i), offsets);
        Assert.Equal(Status.DefaultSuccess, call.GetStatus());
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Empty_stream_ends_with_OK()
    {
        await using var server = await StartAsync();
        using var call = new SnapshotMetadata.SnapshotMetadataClient(server.Channel)
            .GetMetadataAllocated(new GetMetadataAllocatedRequest(), cancellationToken: TestToken);

        Assert.False(await call.ResponseStream.MoveNext(TestToken));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Stream_that_fails_halfway_delivers_what_it_sent_and_then_the_status()
    {
        MetadataService.OnAllocated = async (_, stream, _) =>
        {
            await stream.WriteAsync(FakeSnapshotMetadata.Block(7), TestToken);
            throw new RpcException(new Status(StatusCode.DataLoss, "half of it"));
        };
        await using var server = await StartAsync();
        using var call = new SnapshotMetadata.SnapshotMetadataClient(server.Channel)
            .GetMetadataAllocated(new GetMetadataAllocatedRequest(), cancellationToken: TestToken);

        Assert.True(await call.ResponseStream.MoveNext(TestToken));
        Assert.Equal(7, call.ResponseStream.Current.BlockMetadata[0].ByteOffset);
        var failure = await AssertFailsAsync(StatusCode.DataLoss, () => call.ResponseStream.MoveNext(TestToken));

        Assert.Equal("half of it", failure.Status.Detail);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Message_of_a_megabyte_goes_both_ways()
    {
        await using var server = await StartAsync();
        var name = new string('x', 1_000_000);

        var response = await new Controller.ControllerClient(server.Channel)
            .CreateVolumeAsync(new CreateVolumeRequest { Name = name }, cancellationToken: TestToken);

        Assert.Equal(name, response.Volume.VolumeId);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("plain words")]
    [InlineData("100% of \u00e4\u00f6\u00fc \u20ac \ud83d\ude00\r\nnext line")]
    [InlineData("")]
    public async Task Status_and_its_message_arrive_as_thrown(string detail)
    {
        IdentityService.OnProbe = (_, _) => throw new RpcException(new Status(StatusCode.FailedPrecondition, detail));
        await using var server = await StartAsync();

        var failure = await AssertFailsAsync(StatusCode.FailedPrecondition, () => ProbeAsync(server));

        Assert.Equal(detail, failure.Status.Detail);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Unexpected_exception_becomes_UNKNOWN_and_tells_nothing()
    {
        IdentityService.OnProbe = (_, _) => throw new InvalidOperationException("the secret is 42");
        await using var server = await StartAsync();

        var failure = await AssertFailsAsync(StatusCode.Unknown, () => ProbeAsync(server));

        Assert.DoesNotContain("42", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Method_left_out_by_the_implementation_is_unimplemented()
    {
        await using var server = await StartAsync();
        var client = new Controller.ControllerClient(server.Channel);

        await AssertFailsAsync(
            StatusCode.Unimplemented, () => client.DeleteVolumeAsync(new DeleteVolumeRequest(), cancellationToken: TestToken).ResponseAsync);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Unbound_service_is_unimplemented_and_named()
    {
        await using var server = await StartAsync();
        var client = new Node.NodeClient(server.Channel);

        var failure = await AssertFailsAsync(
            StatusCode.Unimplemented, () => client.NodeGetInfoAsync(new NodeGetInfoRequest(), cancellationToken: TestToken).ResponseAsync);

        Assert.Equal("unknown service csi.v1.Node", failure.Status.Detail);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Metadata_travels_as_headers_and_trailers_in_text_and_bytes()
    {
        byte[] bytes = [0, 1, 254, 255];
        IdentityService.OnProbe = async (_, context) =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "from-header", context.RequestHeaders.GetValue("ask")! } });
            context.ResponseTrailers.Add("from-trailer-bin", context.RequestHeaders.GetValueBytes("ask-bin")!);
            return new ProbeResponse();
        };
        await using var server = await StartAsync();
        using var call = new Identity.IdentityClient(server.Channel)
            .ProbeAsync(new ProbeRequest(), new Metadata { { "ask", "text" }, { "ask-bin", bytes } }, cancellationToken: TestToken);

        await call;

        Assert.Equal("text", (await call.ResponseHeadersAsync).GetValue("from-header"));
        Assert.Equal(bytes, call.GetTrailers().GetValueBytes("from-trailer-bin"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Trailers_of_an_exception_reach_the_client()
    {
        IdentityService.OnProbe = (_, _) => throw new RpcException(new Status(StatusCode.Aborted, "busy"), new Metadata { { "retry-in", "5" } });
        await using var server = await StartAsync();

        var failure = await AssertFailsAsync(StatusCode.Aborted, () => ProbeAsync(server));

        Assert.Equal("5", failure.Trailers.GetValue("retry-in"));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Context_tells_method_host_and_the_process_that_calls()
    {
        (string Method, string Host, string Peer) seen = default;
        IdentityService.OnProbe = (_, context) =>
        {
            seen = (context.Method, context.Host, context.Peer);
            return Task.FromResult(new ProbeResponse());
        };
        await using var server = await StartAsync();

        await ProbeAsync(server);

        Assert.Equal(ProbePath, seen.Method);
        Assert.Equal("localhost", seen.Host);
        Assert.Matches($"^unix:pid={Environment.ProcessId},uid=[0-9]+,gid=[0-9]+,program=[^,]+$", seen.Peer);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Calls_run_side_by_side_on_one_channel()
    {
        var arrived = 0;
        var all = new TaskCompletionSource();
        IdentityService.OnProbe = async (_, _) =>
        {
            if (Interlocked.Increment(ref arrived) == 150)
                all.SetResult();
            await all.Task;
            return new ProbeResponse { Ready = true };
        };
        await using var server = await StartAsync();

        var responses = await Task.WhenAll(Enumerable.Range(0, 150).Select(_ => ProbeAsync(server)));

        Assert.All(responses, response => Assert.True(response.Ready));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Missing_socket_is_unavailable_and_says_what_to_check()
    {
        using var channel = GrpcChannel.ForAddress("unix:///nowhere/x.sock");
        var client = new Identity.IdentityClient(channel);

        var failure = await AssertFailsAsync(
            StatusCode.Unavailable, () => client.ProbeAsync(new ProbeRequest(), cancellationToken: TestToken).ResponseAsync);

        Assert.Equal("cannot connect to unix:///nowhere/x.sock: no such file; is the daemon running?", failure.Status.Detail);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Stale_socket_is_unavailable_and_says_what_to_check()
    {
        var folder = Directory.CreateTempSubdirectory("csilocal-grpc-");
        var path = Path.Combine(folder.FullName, "x.sock");
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            using var channel = GrpcChannel.ForAddress(path);

            var failure = await AssertFailsAsync(
                StatusCode.Unavailable,
                () => new Identity.IdentityClient(channel).ProbeAsync(new ProbeRequest(), cancellationToken: TestToken).ResponseAsync);

            Assert.Equal($"cannot connect to unix://{path}: connection refused; is the daemon running?", failure.Status.Detail);
        }
        folder.Delete(recursive: true);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Channel_connects_again_after_the_server_was_away()
    {
        await using var server = await StartAsync();
        using var channel = GrpcChannel.ForAddress(server.Endpoint);
        var client = new Identity.IdentityClient(channel);
        await client.ProbeAsync(new ProbeRequest(), cancellationToken: TestToken);
        await server.StopAsync();
        await AssertFailsAsync(
            StatusCode.Unavailable, () => client.ProbeAsync(new ProbeRequest(), cancellationToken: TestToken).ResponseAsync);

        await using var next = await GrpcTestServer.StartAtAsync(server.SocketPath, map => Identity.BindService(map, IdentityService));
        var response = await client.ProbeAsync(new ProbeRequest(), cancellationToken: TestToken);

        Assert.True(response.Ready);
    }
}
