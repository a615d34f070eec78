using System.Net.Sockets;
using System.Text;
using Csi.V1;
using CsiLocal.Grpc;
using CsiLocal.Tests.Support;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Grpc;

/// <summary>Whatever is thrown at the socket, the next good call is answered and memory stays bounded.</summary>
public sealed class GrpcHostileInputTests : GrpcTest
{
    private static readonly byte[] s_preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Random_bytes_on_the_socket()
    {
        await using var server = await StartAsync();
        var random = new Random(20240);

        for (var i = 0; i < 100; i++)
        {
            var noise = new byte[random.Next(1, 5000)];
            random.NextBytes(noise);
            await ThrowAsync(server, i % 2 == 0 ? noise : [.. s_preface, .. noise]);
        }

        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Random_payloads_in_good_frames()
    {
        await using var server = await StartAsync();
        var random = new Random(20241);

        for (var i = 0; i < 300; i++)
        {
            var noise = new byte[random.Next(0, 200)];
            random.NextBytes(noise);
            var reply = await SendAsync(server, CreateVolumePath, Frame(noise));
            Assert.True(reply.Status is StatusCode.OK or StatusCode.Internal, $"{reply.Status}: {reply.Message}");
        }

        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Http2_frames_cut_off_anywhere()
    {
        await using var server = await StartAsync();
        // SETTINGS, then HEADERS that promise 200 bytes.
        byte[] frames = [.. s_preface, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 200, 1, 4, 0, 0, 0, 1, 0x83, 0x86, 0x44];

        for (var length = 1; length <= frames.Length; length++)
            await ThrowAsync(server, frames[..length]);

        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Length_prefix_of_4_GiB_is_refused_before_anything_is_read()
    {
        await using var server = await StartAsync();
        using var request = Request(CreateVolumePath, PushContent.StalledAfter([0, 255, 255, 255, 255]));

        AssertStatus(StatusCode.ResourceExhausted, await SendAsync(server, request));

        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Sender_that_stalls_is_ended_by_the_request_timeout()
    {
        await using var server = await StartAsync(new GrpcServerOptions { RequestTimeout = TimeSpan.FromMilliseconds(100) });
        using var request = Request(CreateVolumePath, PushContent.StalledAfter([0, 0, 0, 0, 9, 1, 2]));

        var reply = await SendAsync(server, request);

        AssertStatus(StatusCode.DeadlineExceeded, reply);
        Assert.Equal("the request did not arrive within 0.1 s", reply.Message);
        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Sender_that_trickles_is_ended_by_the_request_timeout()
    {
        await using var server = await StartAsync(new GrpcServerOptions { RequestTimeout = TimeSpan.FromMilliseconds(200) });
        using var request = Request(CreateVolumePath, new PushContent(async (stream, cancellationToken) =>
        {
            await stream.WriteAsync(new byte[] { 0, 0, 0x10, 0, 0 }, cancellationToken);
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                await stream.WriteAsync(new byte[1], cancellationToken);
                await stream.FlushAsync(cancellationToken);
            }
        }));

        AssertStatus(StatusCode.DeadlineExceeded, await SendAsync(server, request));

        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Client_that_leaves_in_the_middle_of_its_request()
    {
        await using var server = await StartAsync();
        for (var i = 0; i < 20; i++)
        {
            using var request = Request(CreateVolumePath, PushContent.StalledAfter([0, 0, 0, 0, 9, 1, 2]));
            using var http = server.CreateHttpClient();
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestToken);
            patience.CancelAfter(TimeSpan.FromMilliseconds(20));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => http.SendAsync(request, patience.Token));
        }

        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Oversized_messages_are_refused_and_not_kept()
    {
        await using var server = await StartAsync();
        await AssertAnswersAsync(server);
        var body = Frame(new byte[16 * 1024 * 1024]);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        for (var i = 0; i < 10; i++)
        {
            var client = new Controller.ControllerClient(server.Channel);
            await AssertFailsAsync(
                StatusCode.ResourceExhausted,
                () => client.CreateVolumeAsync(new CreateVolumeRequest { Name = new string('x', 5_000_000) }, cancellationToken: TestToken).ResponseAsync);
            AssertStatus(StatusCode.ResourceExhausted, await SendAsync(server, CreateVolumePath, body));
        }

        await AssertAnswersAsync(server);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 32L * 1024 * 1024);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Thousand_connections_opened_and_dropped()
    {
        await using var server = await StartAsync();
        await AssertAnswersAsync(server);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        for (var round = 0; round < 10; round++)
        {
            var sockets = new List<Socket>();
            for (var i = 0; i < 100; i++)
            {
                var socket = await server.ConnectAsync();
                if (i % 2 == 0)
                    await socket.SendAsync(s_preface, TestToken);
                sockets.Add(socket);
            }
            sockets.ForEach(socket => socket.Dispose());
            // A connection of its own, so that it is answered only after those before it in the queue were.
            using var channel = GrpcChannel.ForAddress(server.Endpoint);
            Assert.True((await new Identity.IdentityClient(channel).ProbeAsync(new ProbeRequest(), cancellationToken: TestToken)).Ready);
        }

        await AssertAnswersAsync(server);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64L * 1024 * 1024);
    }

    /// <summary>Sends bytes, ends the sending side, and reads until the server hangs up.</summary>
    private static async Task ThrowAsync(GrpcTestServer server, byte[] bytes)
    {
        using var socket = await server.ConnectAsync();
        try
        {
            await socket.SendAsync(bytes, TestToken);
            socket.Shutdown(SocketShutdown.Send);
            var sink = new byte[4096];
            while (await socket.ReceiveAsync(sink, TestToken) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // The server hung up first, as it may.
        }
    }
}
