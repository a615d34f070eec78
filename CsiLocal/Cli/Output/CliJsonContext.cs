using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CsiLocal.Cli.Output;

/// <summary>Serialisers made by the compiler, since reflection is not there in the published program.</summary>
[JsonSerializable(typeof(VolumeJson))]
[JsonSerializable(typeof(IReadOnlyList<VolumeJson>))]
[JsonSerializable(typeof(MountJson))]
[JsonSerializable(typeof(UnmountJson))]
[JsonSerializable(typeof(IReadOnlyList<DeleteJson>))]
[JsonSerializable(typeof(SnapshotJson))]
[JsonSerializable(typeof(IReadOnlyList<SnapshotJson>))]
[JsonSerializable(typeof(PoolJson))]
[JsonSerializable(typeof(IReadOnlyList<PoolJson>))]
[JsonSerializable(typeof(IReadOnlyList<TaskJson>))]
[JsonSerializable(typeof(ReloadJson))]
[JsonSerializable(typeof(BenchJson))]
internal sealed partial class CliJsonContext : JsonSerializerContext
{
    /// <summary>The context to use: quotes and umlauts as they are, since the documents never become part of a web page.</summary>
    public static CliJsonContext Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
