using CsiLocal.Diagnostics;
using CsiLocal.Volumes;
using Microsoft.Extensions.Logging;

namespace CsiLocal.Hosting;

/// <summary>Has the trash looked at once a second; what is due is erased in the background.</summary>
/// <remarks>A loop of its own: a pool whose look-up hangs must not keep what was to be erased.</remarks>
internal sealed class TrashJanitor(TrashEraser eraser, TimeProvider clock, ILogger<TrashJanitor> log)
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Never on the starter's thread: the daemon is ready, the rest can wait for its turn.
        await Task.Yield();
        using var timer = new PeriodicTimer(Tick, clock);
        try
        {
            do
            {
                try
                {
                    eraser.Look();
                }
                catch (Exception e) when (e is StorageException or IOException)
                {
                    Log.ChoreFailed(log, e.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The way to stop.
        }
    }
}
