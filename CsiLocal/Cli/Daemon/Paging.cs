using Proto = Csi.V1;

namespace CsiLocal.Cli.Daemon;

/// <summary>Whole lists, fetched page by page.</summary>
internal static class Paging
{
    public const int PageSize = 500;

    /// <summary>Details asked for at the same time: the daemon is on this machine, the cost is its answer, not the way.</summary>
    private const int ParallelDetails = 8;

    public static async Task<IReadOnlyList<Proto.Volume>> VolumesAsync(DaemonClient daemon, CancellationToken cancellationToken)
    {
        var volumes = new List<Proto.Volume>();
        var token = "";
        do
        {
            var request = new Proto.ListVolumesRequest { MaxEntries = PageSize, StartingToken = token };
            var page = await daemon.CallAsync(options => daemon.Controller.ListVolumesAsync(request, options), cancellationToken);
            volumes.AddRange(page.Entries.Select(entry => entry.Volume));
            token = page.NextToken;
        }
        while (token.Length > 0);
        return volumes;
    }

    public static async Task<IReadOnlyList<Proto.Snapshot>> SnapshotsAsync(
        DaemonClient daemon, string sourceVolumeId, CancellationToken cancellationToken)
    {
        var snapshots = new List<Proto.Snapshot>();
        var token = "";
        do
        {
            var request = new Proto.ListSnapshotsRequest { MaxEntries = PageSize, StartingToken = token, SourceVolumeId = sourceVolumeId };
            var page = await daemon.CallAsync(options => daemon.Controller.ListSnapshotsAsync(request, options), cancellationToken);
            snapshots.AddRange(page.Entries.Select(entry => entry.Snapshot));
            token = page.NextToken;
        }
        while (token.Length > 0);
        return snapshots;
    }

    /// <summary>Asks for each key, some at a time; the answers are in the order of the keys.</summary>
    public static async Task<TResult[]> ForEachAsync<TKey, TResult>(
        IReadOnlyList<TKey> keys, Func<TKey, CancellationToken, Task<TResult>> ask, CancellationToken cancellationToken)
    {
        var results = new TResult[keys.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = ParallelDetails, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, keys.Count, parallel, async (i, token) => results[i] = await ask(keys[i], token));
        return results;
    }
}
