using CsiLocal.Backends;
using CsiLocal.Diagnostics;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Hosting;

/// <summary>A pool whose backend has something to look after between calls.</summary>
internal sealed record TendedPool(string Name, IPoolUpkeep Backend);

/// <summary>Gives each ready pool its turn once a second, and all of them a last word when the daemon stops.</summary>
/// <remarks>Every pool's turn runs by itself: one whose disk hangs keeps no other from being looked after.</remarks>
/// <param name="pools">The ready ones, as they are now.</param>
internal sealed class PoolUpkeep(Func<IReadOnlyList<TendedPool>> pools, TimeProvider clock, ILogger<PoolUpkeep> log)
{
    /// <summary>How long turns under way and last words together may take at stop.</summary>
    public static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly Dictionary<IPoolUpkeep, Tended> tended = new(ReferenceEqualityComparer.Instance);

    /// <summary>Runs until it is cancelled, and then ends in good order.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Never on the starter's thread: the daemon is ready, the rest can wait for its turn.
        await Task.Yield();
        using var timer = new PeriodicTimer(Tick, clock);
        try
        {
            do
            {
                BeginTurns(cancellationToken);
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The way to stop.
        }

        await StopAsync();
    }

    private void BeginTurns(CancellationToken cancellationToken)
    {
        var now = pools();
        foreach (var pool in now)
        {
            if (!tended.ContainsKey(pool.Backend))
                tended.Add(pool.Backend, new Tended(pool, log, clock));
        }

        foreach (var one in tended.Values)
        {
            if (!one.Turn.IsCompleted)
                continue;

            if (now.Any(pool => ReferenceEquals(pool.Backend, one.Pool.Backend)))
                one.Begin(one.Pool.Backend.UpkeepAsync, isLast: false, cancellationToken);
            else if (one.IsDone)
                tended.Remove(one.Pool.Backend);
            else
                // A reload gave the pool another backend, which knows nothing of what this one has put off; or the pool cannot be used now.
                one.Begin(one.Pool.Backend.FlushAsync, isLast: true, cancellationToken);
        }
    }

    private async Task StopAsync()
    {
        using var grace = new CancellationTokenSource(StopGrace, clock);
        var last = tended.Values.Select(one => LastAsync(one, grace.Token)).ToArray();
        try
        {
            await Task.WhenAll(last).WaitAsync(grace.Token);
        }
        catch (OperationCanceledException)
        {
            foreach (var one in tended.Values.Where(static one => !one.IsDone))
                Log.UpkeepCut(log, one.Pool.Name, StopGrace);
        }
    }

    private static async Task LastAsync(Tended one, CancellationToken cancellationToken)
    {
        await one.Turn;
        one.Begin(one.Pool.Backend.FlushAsync, isLast: true, cancellationToken);
        await one.Turn;
    }

    /// <summary>One pool's turns, never two at once, and which of its failures were told.</summary>
    private sealed class Tended(TendedPool pool, ILogger log, TimeProvider clock)
    {
        /// <summary>After this long the same failure is told again.</summary>
        private static readonly TimeSpan Silence = TimeSpan.FromHours(1);

        private readonly Dictionary<string, long> told = [];

        public TendedPool Pool { get; } = pool;

        /// <summary>The one under way, or the last. Does not fail: what goes wrong in one turn is tried again in the next.</summary>
        public Task Turn { get; private set; } = Task.CompletedTask;

        /// <summary>The last word was said, and nothing since.</summary>
        public bool IsDone { get; private set; }

        public void Begin(Func<CancellationToken, Task> turn, bool isLast, CancellationToken cancellationToken)
        {
            IsDone = false;
            Turn = Task.Run(() => RunAsync(turn, isLast, cancellationToken), CancellationToken.None);
        }

        private async Task RunAsync(Func<CancellationToken, Task> turn, bool isLast, CancellationToken cancellationToken)
        {
            try
            {
                await turn(cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The daemon stops.
            }
            catch (Exception e)
            {
                // The edge of a background loop: even a mistake of ours must not end the care for a pool.
                Tell(e);
            }

            IsDone = isLast;
        }

        private void Tell(Exception e)
        {
            // By kind, not by text, which may count bytes or seconds.
            var kind = e is StorageException expected ? expected.Error.ToString() : e.GetType().Name;
            if (told.TryGetValue(kind, out var last) && clock.GetElapsedTime(last) < Silence)
                return;

            told[kind] = clock.GetTimestamp();
            Log.UpkeepFailed(log, Pool.Name, e is StorageException known ? known.Describe() : $"{e.GetType().Name}: {e.Message}");
        }
    }
}
