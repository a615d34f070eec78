using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Volumes;

public sealed class OperationRunnerTests : IDisposable
{
    private const int Limit = 30_000;

    private readonly OperationRunner operations = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => operations.Dispose();

    [Fact(Timeout = Limit)]
    public async Task Work_goes_on_after_its_caller_has_gone()
    {
        using var caller = new CancellationTokenSource();
        var (begun, release, done) = (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        var call = operations.RunAsync("create v", async token =>
        {
            begun.SetResult();
            await release.Task;
            Assert.False(token.IsCancellationRequested);
            done.SetResult();
            return 1;
        }, caller.Token);
        await begun.Task;

        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        release.SetResult();

        await done.Task;
    }

    [Fact(Timeout = Limit)]
    public async Task A_failure_that_nobody_waited_for_is_given_to_the_next_call_once()
    {
        using var caller = new CancellationTokenSource();
        var (begun, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        var call = operations.RunAsync<int>("create v", async _ =>
        {
            begun.SetResult();
            await release.Task;
            throw new StorageException(StorageError.ResourceExhausted, "no space");
        }, caller.Token);
        await begun.Task;
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        release.SetResult();
        await operations.WhenIdleAsync();

        var failure = await Assert.ThrowsAsync<StorageException>(() => operations.RunAsync("create v", _ => Task.FromResult(1), Token));

        Assert.Equal(StorageError.ResourceExhausted, failure.Error);
        Assert.Equal(1, await operations.RunAsync("create v", _ => Task.FromResult(1), Token));
    }

    [Fact(Timeout = Limit)]
    public async Task Draining_refuses_new_work_and_waits_for_what_runs()
    {
        var (begun, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        var call = operations.RunAsync("stage v", async _ =>
        {
            begun.SetResult();
            await release.Task;
            return 1;
        }, Token);
        await begun.Task;

        var drained = operations.DrainAsync(TimeSpan.FromMinutes(1));
        var refused = await Assert.ThrowsAsync<StorageException>(() => operations.RunAsync("stage w", _ => Task.FromResult(1), Token));
        Assert.Equal(StorageError.Unavailable, refused.Error);
        Assert.False(drained.IsCompleted);
        release.SetResult();

        await drained;
        Assert.Equal(1, await call);
    }

    [Fact(Timeout = Limit)]
    public async Task Work_that_outlasts_the_grace_is_interrupted()
    {
        var call = operations.RunAsync("stage v", async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return 1;
        }, Token);

        await operations.DrainAsync(TimeSpan.Zero);

        Assert.Equal(StorageError.Unavailable, (await Assert.ThrowsAsync<StorageException>(() => call)).Error);
    }
}
