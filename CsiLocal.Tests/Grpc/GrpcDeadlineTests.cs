using Csi.V1;
using CsiLocal.Grpc;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Grpc;

/// <summary>Deadlines and cancellation, on both sides.</summary>
public sealed class GrpcDeadlineTests : GrpcTest
{
    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Server_answers_at_the_deadline_while_the_handler_still_runs()
    {
        var cancelled = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        IdentityService.OnProbe = async (_, context) =>
        {
            context.CancellationToken.Register(cancelled.SetResult);
            await release.Task;
            return new ProbeResponse();
        };
        await using var server = await StartAsync();

        var reply = await SendAsync(server, ProbePath, Frame(new ProbeRequest()), ("grpc-timeout", "50m"));

        AssertStatus(StatusCode.DeadlineExceeded, reply);
        await cancelled.Task;
        release.SetResult();
        IdentityService.OnProbe = new FakeIdentity().OnProbe;
        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Server_ends_a_stream_at_the_deadline_behind_what_was_sent()
    {
        var release = new TaskCompletionSource();
        MetadataService.OnAllocated = async (_, stream, _) =>
        {
            await stream.WriteAsync(FakeSnapshotMetadata.Block(1), TestToken);
            await release.Task;
        };
        await using var server = await StartAsync();

        var reply = await SendAsync(
            server, "/csi.v1.SnapshotMetadata/GetMetadataAllocated", Frame(new GetMetadataAllocatedRequest()), ("grpc-timeout", "50m"));

        AssertStatus(StatusCode.DeadlineExceeded, reply);
        Assert.Equal(Frame(FakeSnapshotMetadata.Block(1)), reply.Body);
        release.SetResult();
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Stream_that_nobody_reads_ends_at_the_deadline()
    {
        var ended = new TaskCompletionSource<Exception>();
        MetadataService.OnAllocated = async (_, stream, _) =>
        {
            try
            {
                while (true)
                    await stream.WriteAsync(new GetMetadataAllocatedResponse { BlockMetadata = { new BlockMetadata[4096].Select(_ => new BlockMetadata()) } }, TestToken);
            }
            catch (Exception e)
            {
                ended.SetResult(e);
                throw;
            }
        };
        await using var server = await StartAsync();
        await AssertAnswersAsync(server);
        using var call = new SnapshotMetadata.SnapshotMetadataClient(server.Channel).GetMetadataAllocated(
            new GetMetadataAllocatedRequest(), deadline: DateTime.UtcNow.AddSeconds(1), cancellationToken: TestToken);

        Assert.IsType<OperationCanceledException>(await ended.Task, exactMatch: false);
        await AssertAnswersAsync(server);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Handler_is_told_the_deadline()
    {
        DateTime seen = default;
        IdentityService.OnProbe = (_, context) =>
        {
            seen = context.Deadline;
            return Task.FromResult(new ProbeResponse());
        };
        await using var server = await StartAsync();
        var deadline = DateTime.UtcNow.AddMinutes(2);

        await new Identity.IdentityClient(server.Channel).ProbeAsync(new ProbeRequest(), deadline: deadline, cancellationToken: TestToken);

        Assert.InRange(seen, deadline.AddSeconds(-10), deadline.AddSeconds(10));
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData(null)]
    [InlineData("99999999H")]
    public async Task Call_with_no_deadline_or_a_remote_one_is_answered(string? timeout)
    {
        await using var server = await StartAsync();

        var reply = await SendAsync(server, ProbePath, Frame(new ProbeRequest()), timeout is null ? [] : [("grpc-timeout", timeout)]);

        AssertStatus(StatusCode.OK, reply);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("1")]
    [InlineData("m")]
    [InlineData("-1S")]
    [InlineData("123456789m")]
    [InlineData("1d")]
    public async Task Malformed_timeout_is_refused(string timeout)
    {
        await using var server = await StartAsync();

        AssertStatus(StatusCode.Internal, await SendAsync(server, ProbePath, Frame(new ProbeRequest()), ("grpc-timeout", timeout)));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Timeout_of_zero_has_passed_before_the_handler_is_called()
    {
        IdentityService.OnProbe = (_, _) => throw new InvalidOperationException("called");
        await using var server = await StartAsync();

        AssertStatus(StatusCode.DeadlineExceeded, await SendAsync(server, ProbePath, Frame(new ProbeRequest()), ("grpc-timeout", "0m")));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Client_gives_up_at_its_deadline_and_the_handler_is_cancelled()
    {
        await using var server = await StartAsync();
        // Connected beforehand, so that the call arrives well within its deadline.
        await AssertAnswersAsync(server);
        var cancelled = WaitForCancellation();
        var client = new Identity.IdentityClient(server.Channel);

        await AssertFailsAsync(
            StatusCode.DeadlineExceeded,
            () => client.ProbeAsync(new ProbeRequest(), deadline: DateTime.UtcNow.AddSeconds(1), cancellationToken: TestToken).ResponseAsync);

        await cancelled;
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Deadline_in_the_past_sends_nothing()
    {
        IdentityService.OnProbe = (_, _) => throw new InvalidOperationException("called");
        await using var server = await StartAsync();
        var client = new Identity.IdentityClient(server.Channel);

        await AssertFailsAsync(
            StatusCode.DeadlineExceeded,
            () => client.ProbeAsync(new ProbeRequest(), deadline: DateTime.UtcNow.AddSeconds(-1), cancellationToken: TestToken).ResponseAsync);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Cancelling_the_call_cancels_the_handler()
    {
        var started = new TaskCompletionSource();
        var cancelled = WaitForCancellation(started);
        await using var server = await StartAsync();
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(TestToken);
        var call = new Identity.IdentityClient(server.Channel).ProbeAsync(new ProbeRequest(), cancellationToken: cancellation.Token);

        await started.Task;
        await cancellation.CancelAsync();

        await AssertFailsAsync(StatusCode.Cancelled, () => call.ResponseAsync);
        await cancelled;
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Disposing_a_stream_cancels_the_handler()
    {
        var cancelled = new TaskCompletionSource();
        MetadataService.OnAllocated = async (_, stream, context) =>
        {
            context.CancellationToken.Register(cancelled.SetResult);
            await stream.WriteAsync(FakeSnapshotMetadata.Block(1), TestToken);
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
        };
        await using var server = await StartAsync();
        var call = new SnapshotMetadata.SnapshotMetadataClient(server.Channel)
            .GetMetadataAllocated(new GetMetadataAllocatedRequest(), cancellationToken: TestToken);
        await call.ResponseStream.MoveNext(TestToken);

        call.Dispose();

        await cancelled.Task;
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Losing_the_connection_cancels_the_handler()
    {
        var started = new TaskCompletionSource();
        var cancelled = WaitForCancellation(started);
        await using var server = await StartAsync();
        using var request = Request(ProbePath, new ByteArrayContent(Frame(new ProbeRequest())));
        Stream? connection = null;
        using var http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) => connection = await GrpcEndpoint.Parse(server.Endpoint).ConnectSocketAsync(cancellationToken),
        });
        var call = http.SendAsync(request, TestToken);

        await started.Task;
        await connection!.DisposeAsync();

        await cancelled;
        await Assert.ThrowsAnyAsync<Exception>(() => call);
    }

    /// <summary>Makes Probe run until its token is cancelled.</summary>
    private Task WaitForCancellation(TaskCompletionSource? started = null)
    {
        var cancelled = new TaskCompletionSource();
        IdentityService.OnProbe = async (_, context) =>
        {
            context.CancellationToken.Register(cancelled.SetResult);
            started?.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
            return new ProbeResponse();
        };
        return cancelled.Task;
    }
}
