namespace CsiLocal.Configuration;

/// <summary>A pool whose limits change while it is in use.</summary>
/// <param name="Before">As it runs.</param>
/// <param name="After">As the file says now.</param>
/// <param name="Options">Names of the options that changed, as in the file.</param>
internal sealed record PoolChange(PoolOptions Before, PoolOptions After, IReadOnlyList<string> Options);

/// <summary>What a reload would change. With a problem, nothing may be changed.</summary>
internal sealed record ConfigurationDiff
{
    /// <summary>Pools to open; a pool that moved and holds nothing is here and among the removed.</summary>
    public required IReadOnlyList<PoolOptions> Added { get; init; }

    /// <summary>Pools to close; none of them holds a volume.</summary>
    public required IReadOnlyList<PoolOptions> Removed { get; init; }

    /// <summary>Pools that go on with other limits.</summary>
    public required IReadOnlyList<PoolChange> Changed { get; init; }

    /// <summary>Names of the options outside of pools that changed and take effect at once.</summary>
    public required IReadOnlyList<string> ChangedOptions { get; init; }

    /// <summary>Why the running server cannot take the new configuration; one sentence each.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    public bool IsEmpty => Added.Count + Removed.Count + Changed.Count + ChangedOptions.Count + Problems.Count == 0;

    /// <summary>Compares what runs with what a new resolution says. Pure.</summary>
    /// <param name="current">As the server runs.</param>
    /// <param name="next">As flags, environment and file say now.</param>
    /// <param name="poolsInUse">Names of the pools that hold volumes or snapshots.</param>
    public static ConfigurationDiff Between(DriverOptions current, DriverOptions next, IReadOnlySet<string> poolsInUse)
    {
        var before = current.File.Pools.ToDictionary(pool => pool.Name);
        var after = next.File.Pools.ToDictionary(pool => pool.Name);
        var kept = next.File.Pools
            .Where(pool => before.ContainsKey(pool.Name))
            .Select(pool => new Kept(before[pool.Name], pool))
            .ToList();
        var replaced = kept.Where(pair => FixedOptions(pair.Before, pair.After).Count > 0).ToList();
        var gone = current.File.Pools.Where(pool => !after.ContainsKey(pool.Name)).ToList();
        return new ConfigurationDiff
        {
            Added = [.. next.File.Pools.Where(pool => !before.ContainsKey(pool.Name)), .. replaced.Select(pair => pair.After)],
            Removed = [.. gone, .. replaced.Select(pair => pair.Before)],
            Changed =
            [
                .. kept.Except(replaced)
                    .Select(pair => new PoolChange(pair.Before, pair.After, LiveOptions(pair.Before, pair.After)))
                    .Where(change => change.Options.Count > 0),
            ],
            ChangedOptions = LiveOptions(current.File, next.File),
            Problems =
            [
                .. NeedRestart(current, next),
                .. gone.Where(pool => poolsInUse.Contains(pool.Name)).Select(pool =>
                    $"pool '{pool.Name}' is gone from the configuration and still holds volumes or snapshots; "
                    + "put it back, or delete them first"),
                .. replaced.Where(pair => poolsInUse.Contains(pair.Before.Name)).SelectMany(pair =>
                    FixedOptions(pair.Before, pair.After).Select(change =>
                        $"pool '{pair.Before.Name}' holds volumes or snapshots, its {change} cannot change; "
                        + "put it back, or delete them first")),
            ],
        };
    }

    private sealed record Kept(PoolOptions Before, PoolOptions After);

    private static List<string> NeedRestart(DriverOptions current, DriverOptions next)
    {
        var problems = new List<string>();
        Compare("mode", current.Mode.ToString(), next.Mode.ToString());
        Compare("endpoint", current.Endpoint, next.Endpoint);
        Compare("stateDirectory", current.StateDirectory, next.StateDirectory);
        Compare("nodeId", current.NodeId, next.NodeId);
        Compare("hostTools", current.HostTools.ToString().ToLowerInvariant(), next.HostTools.ToString().ToLowerInvariant());
        Compare("driverName", current.File.DriverName, next.File.DriverName);
        return problems;

        void Compare(string option, string before, string after)
        {
            if (before != after)
                problems.Add($"{option} changed from '{before}' to '{after}', which needs a restart");
        }
    }

    private static List<string> LiveOptions(FileConfiguration before, FileConfiguration after) => Names(
        ("defaultPool", before.DefaultPool != after.DefaultPool),
        ("publishRoots", !before.PublishRoots.SequenceEqual(after.PublishRoots)),
        ("maxVolumesPerNode", before.MaxVolumesPerNode != after.MaxVolumesPerNode),
        ("journalRetention", before.JournalRetention != after.JournalRetention));

    private static List<string> LiveOptions(PoolOptions before, PoolOptions after) =>
    [
        .. Names(
            ("reserve", before.ReserveBytes != after.ReserveBytes),
            ("overprovision", !before.Overprovision.Equals(after.Overprovision)),
            ("preallocate", before.Preallocate != after.Preallocate),
            ("freezeLimit", before.FreezeLimit != after.FreezeLimit),
            ("trash", before.Trash != after.Trash)),
        .. before.Lvm is { } was && after.Lvm is { } becomes ? LiveOptions(was, becomes) : [],
    ];

    // A layout is that of volumes to come; what is there keeps its own. What a thin pool is made with matters until it is made.
    private static List<string> LiveOptions(LvmPoolOptions before, LvmPoolOptions after) => Names(
        ("devices", !before.Devices.Equals(after.Devices)),
        ("layout", before.Layout != after.Layout),
        ("stripes", before.Stripes != after.Stripes),
        ("stripeSize", before.StripeSizeBytes != after.StripeSizeBytes),
        ("copies", before.Copies != after.Copies),
        ("integrity", before.Integrity != after.Integrity),
        ("snapshotReserve", before.SnapshotReservePercent != after.SnapshotReservePercent),
        ("discard", before.Discard != after.Discard),
        ("thinPoolSize", before.ThinPoolSize != after.ThinPoolSize),
        ("thinMetadataSize", before.ThinMetadataBytes != after.ThinMetadataBytes),
        ("chunkSize", before.ChunkBytes != after.ChunkBytes),
        ("extendAt", before.ExtendAtPercent != after.ExtendAtPercent),
        ("extendBy", before.ExtendByPercent != after.ExtendByPercent),
        ("stopAt", before.StopAtPercent != after.StopAtPercent));

    // What existing volumes were made with: their place, their kind, their limits.
    private static List<string> FixedOptions(PoolOptions before, PoolOptions after) => Names(
        ("backend", before.Backend != after.Backend),
        ("path", before.Path != after.Path),
        ("quota", before.Quota != after.Quota),
        ("volumeGroup", before.Lvm?.VolumeGroup != after.Lvm?.VolumeGroup),
        ("thinPool", before.Lvm?.ThinPool != after.Lvm?.ThinPool));

    private static List<string> Names(params ReadOnlySpan<(string Name, bool Differs)> options)
    {
        var names = new List<string>();
        foreach (var (name, differs) in options)
        {
            if (differs)
                names.Add(name);
        }

        return names;
    }
}
