namespace CsiLocal.Cli.Output;

// The documents of --output json. They are a contract with scripts: properties are added, never renamed or removed.
// Sizes are bytes, times RFC 3339 in UTC, what is not known is null, lists are arrays.

internal sealed record VolumeJson(
    string Id, string Name, string Pool, string Backend, long SizeBytes, string AccessType, string? Filesystem, string? FilesystemUuid,
    string State, string Location, string? Source, DateTime? CreatedAt, DateTime? FormattedAt, IReadOnlyList<PublicationJson> Publications);

/// <summary>A path of a volume; the kind is "stage" or "publish".</summary>
internal sealed record PublicationJson(string Kind, string Path, bool ReadOnly);

internal sealed record MountJson(string Id, string Name, string Path, string? StagingPath, bool ReadOnly);

internal sealed record UnmountJson(string Id, string Name, IReadOnlyList<string> UnmountedPaths, bool Unstaged);

/// <summary>One of the things to delete; the id is null where there is none of that name, the error is null where it was deleted.</summary>
internal sealed record DeleteJson(string? Id, string Name, bool Deleted, string? Error);

internal sealed record SnapshotJson(
    string Id, string? Name, string SourceVolumeId, string? SourceVolume, long SizeBytes, DateTime? CreatedAt, bool ReadyToUse);

internal sealed record PoolJson(
    string Name, string Backend, string Location, string State, string? Problem, string? Filesystem, long TotalBytes, long AvailableBytes,
    long ProvisionedBytes, long Volumes, long Snapshots, bool IsDefault, IReadOnlyList<string> Features, IReadOnlyList<string> Findings,
    double? DataPercent, double? MetadataPercent);

internal sealed record TaskJson(
    string TargetId, string Kind, string State, long DoneBytes, long TotalBytes, string? Error, DateTime? StartedAt);

internal sealed record ReloadJson(IReadOnlyList<string> Changes);

internal sealed record BenchJson(
    string Endpoint, string Driver, string DriverVersion, string NodeId, int Volumes, int Parallel, long SizeBytes, string AccessType,
    string Until, DateTime StartedAt, bool Interrupted, double? CreateToPublishSeconds, double? TeardownSeconds,
    IReadOnlyList<BenchRpcJson> Rpcs, IReadOnlyList<BenchErrorJson> Errors, IReadOnlyList<string> Leftovers);

/// <summary>One RPC: all its calls, failed ones among them; the times are those of the calls that succeeded.</summary>
internal sealed record BenchRpcJson(
    string Rpc, int Calls, int Failures, double? P50Ms, double? P90Ms, double? P99Ms, double? MaxMs, double? MeanMs,
    double? CallsPerSecond);

internal sealed record BenchErrorJson(string Rpc, string Code, int Count, string Message);
