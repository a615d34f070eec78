using System.Text.Json;

namespace CsiLocal.Cli.Output;

// The documents of --output json. They are a contract with scripts: properties are added, never renamed or removed.
// Sizes are bytes, times RFC 3339 in UTC, what is not known is null, lists are arrays.
// Written by hand: the serialiser that the compiler can make of these records is a third of a megabyte in the executable.

/// <summary>A JSON object, or a part of one.</summary>
internal interface IJsonShape
{
    /// <summary>Writes the properties; the braces are the caller's.</summary>
    void Write(Utf8JsonWriter json);
}

internal sealed record VolumeJson(
    string Id, string Name, string Pool, string Backend, long SizeBytes, string AccessType, string? Filesystem, string? FilesystemUuid,
    string State, string Location, string? Source, DateTime? CreatedAt, DateTime? FormattedAt, IReadOnlyList<PublicationJson> Publications) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("id", Id);
        json.WriteString("name", Name);
        json.WriteString("pool", Pool);
        json.WriteString("backend", Backend);
        json.WriteNumber("sizeBytes", SizeBytes);
        json.WriteString("accessType", AccessType);
        json.WriteString("filesystem", Filesystem);
        json.WriteString("filesystemUuid", FilesystemUuid);
        json.WriteString("state", State);
        json.WriteString("location", Location);
        json.WriteString("source", Source);
        json.WriteTime("createdAt", CreatedAt);
        json.WriteTime("formattedAt", FormattedAt);
        json.WriteShapes("publications", Publications);
    }
}

/// <summary>A path of a volume; the kind is "stage" or "publish".</summary>
internal sealed record PublicationJson(string Kind, string Path, bool ReadOnly) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("kind", Kind);
        json.WriteString("path", Path);
        json.WriteBoolean("readOnly", ReadOnly);
    }
}

internal sealed record MountJson(string Id, string Name, string Path, string? StagingPath, bool ReadOnly) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("id", Id);
        json.WriteString("name", Name);
        json.WriteString("path", Path);
        json.WriteString("stagingPath", StagingPath);
        json.WriteBoolean("readOnly", ReadOnly);
    }
}

internal sealed record UnmountJson(string Id, string Name, IReadOnlyList<string> UnmountedPaths, bool Unstaged) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("id", Id);
        json.WriteString("name", Name);
        json.WriteTexts("unmountedPaths", UnmountedPaths);
        json.WriteBoolean("unstaged", Unstaged);
    }
}

/// <summary>One of the things to delete; the id is null where there is none of that name, the error is null where it was deleted.</summary>
internal sealed record DeleteJson(string? Id, string Name, bool Deleted, string? Error) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("id", Id);
        json.WriteString("name", Name);
        json.WriteBoolean("deleted", Deleted);
        json.WriteString("error", Error);
    }
}

internal sealed record SnapshotJson(
    string Id, string? Name, string SourceVolumeId, string? SourceVolume, long SizeBytes, DateTime? CreatedAt, bool ReadyToUse) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("id", Id);
        json.WriteString("name", Name);
        json.WriteString("sourceVolumeId", SourceVolumeId);
        json.WriteString("sourceVolume", SourceVolume);
        json.WriteNumber("sizeBytes", SizeBytes);
        json.WriteTime("createdAt", CreatedAt);
        json.WriteBoolean("readyToUse", ReadyToUse);
    }
}

internal sealed record PoolJson(
    string Name, string Backend, string Location, string State, string? Problem, string? Filesystem, long TotalBytes, long AvailableBytes,
    long ProvisionedBytes, long Volumes, long Snapshots, bool IsDefault, IReadOnlyList<string> Features, IReadOnlyList<string> Findings,
    double? DataPercent, double? MetadataPercent, string? ForeignNode) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("name", Name);
        json.WriteString("backend", Backend);
        json.WriteString("location", Location);
        json.WriteString("state", State);
        json.WriteString("problem", Problem);
        json.WriteString("filesystem", Filesystem);
        json.WriteNumber("totalBytes", TotalBytes);
        json.WriteNumber("availableBytes", AvailableBytes);
        json.WriteNumber("provisionedBytes", ProvisionedBytes);
        json.WriteNumber("volumes", Volumes);
        json.WriteNumber("snapshots", Snapshots);
        json.WriteBoolean("isDefault", IsDefault);
        json.WriteTexts("features", Features);
        json.WriteTexts("findings", Findings);
        json.WriteNumberOrNull("dataPercent", DataPercent);
        json.WriteNumberOrNull("metadataPercent", MetadataPercent);
        json.WriteString("foreignNode", ForeignNode);
    }
}

internal sealed record TrashJson(
    string Id, string VolumeId, string Name, string Pool, long SizeBytes, DateTime? DeletedAt, DateTime? Deadline, string Erase, string State,
    long DoneBytes, long TotalBytes, string? Error) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("id", Id);
        json.WriteString("volumeId", VolumeId);
        json.WriteString("name", Name);
        json.WriteString("pool", Pool);
        json.WriteNumber("sizeBytes", SizeBytes);
        json.WriteTime("deletedAt", DeletedAt);
        json.WriteTime("deadline", Deadline);
        json.WriteString("erase", Erase);
        json.WriteString("state", State);
        json.WriteNumber("doneBytes", DoneBytes);
        json.WriteNumber("totalBytes", TotalBytes);
        json.WriteString("error", Error);
    }
}

internal sealed record TaskJson(
    string TargetId, string Kind, string State, long DoneBytes, long TotalBytes, string? Error, DateTime? StartedAt) : IJsonShape
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("targetId", TargetId);
        json.WriteString("kind", Kind);
        json.WriteString("state", State);
        json.WriteNumber("doneBytes", DoneBytes);
        json.WriteNumber("totalBytes", TotalBytes);
        json.WriteString("error", Error);
        json.WriteTime("startedAt", StartedAt);
    }
}

internal sealed record ReloadJson(IReadOnlyList<string> Changes) : IJsonShape
{
    public void Write(Utf8JsonWriter json) => json.WriteTexts("changes", Changes);
}
