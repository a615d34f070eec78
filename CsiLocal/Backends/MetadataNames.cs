using System.Text.Json;
using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>How enum values are written in metadata files and tags. Never changed once released: old files must stay readable.</summary>
internal static class MetadataNames
{
    private static readonly (BackendKind Value, string Name)[] Backends =
        [(BackendKind.Image, "image"), (BackendKind.Directory, "directory"), (BackendKind.Lvm, "lvm"), (BackendKind.LvmThin, "lvm-thin")];

    private static readonly (AccessType Value, string Name)[] AccessTypes =
        [(AccessType.Mount, "mount"), (AccessType.Block, "block")];

    private static readonly (FilesystemType Value, string Name)[] Filesystems =
        [(FilesystemType.Ext4, "ext4"), (FilesystemType.Xfs, "xfs"), (FilesystemType.Btrfs, "btrfs")];

    private static readonly (FormatState Value, string Name)[] FormatStates =
    [
        (FormatState.Never, "never"),
        (FormatState.Formatting, "formatting"),
        (FormatState.Formatted, "formatted"),
        (FormatState.Inherited, "inherited"),
    ];

    private static readonly (VolumeState Value, string Name)[] VolumeStates =
        [(VolumeState.Creating, "creating"), (VolumeState.Ready, "ready"), (VolumeState.Deleting, "deleting")];

    private static readonly (SnapshotState Value, string Name)[] SnapshotStates =
        [(SnapshotState.Creating, "creating"), (SnapshotState.Ready, "ready"), (SnapshotState.Deleting, "deleting")];

    private static readonly (EraseMode Value, string Name)[] EraseModes =
        [(EraseMode.Discard, "discard"), (EraseMode.Zero, "zero"), (EraseMode.Random, "random"), (EraseMode.None, "none")];

    public static string Of(BackendKind value) => Name(Backends, value);

    public static string Of(AccessType value) => Name(AccessTypes, value);

    public static string? Of(FilesystemType? value) => value is null ? null : Name(Filesystems, value.Value);

    public static string Of(FormatState value) => Name(FormatStates, value);

    public static string Of(VolumeState value) => Name(VolumeStates, value);

    public static string Of(SnapshotState value) => Name(SnapshotStates, value);

    public static string Of(EraseMode value) => Name(EraseModes, value);

    /// <summary>null where this driver does not know the name.</summary>
    public static AccessType? AccessOf(string name) => Find(AccessTypes, name);

    /// <inheritdoc cref="AccessOf"/>
    public static FilesystemType? FilesystemOf(string name) => Find(Filesystems, name);

    /// <inheritdoc cref="AccessOf"/>
    public static FormatState? FormatOf(string name) => Find(FormatStates, name);

    /// <inheritdoc cref="AccessOf"/>
    public static VolumeState? VolumeStateOf(string name) => Find(VolumeStates, name);

    /// <inheritdoc cref="AccessOf"/>
    public static SnapshotState? SnapshotStateOf(string name) => Find(SnapshotStates, name);

    /// <inheritdoc cref="AccessOf"/>
    public static EraseMode? EraseOf(string name) => Find(EraseModes, name);

    public static EraseMode Erase(JsonElement json) => Value(EraseModes, json, "erase");

    public static BackendKind Backend(JsonElement json) => Value(Backends, json, "backend");

    public static AccessType Access(JsonElement json) => Value(AccessTypes, json, "access");

    public static FilesystemType? Filesystem(JsonElement json) =>
        JsonFields.Text(json, "filesystem") is null ? null : Value(Filesystems, json, "filesystem");

    public static FormatState Format(JsonElement json) => Value(FormatStates, json, "format");

    public static VolumeState StateOfVolume(JsonElement json) => Value(VolumeStates, json, "state");

    public static SnapshotState StateOfSnapshot(JsonElement json) => Value(SnapshotStates, json, "state");

    private static string Name<T>((T Value, string Name)[] names, T value)
        where T : struct, Enum
    {
        foreach (var entry in names)
        {
            if (EqualityComparer<T>.Default.Equals(entry.Value, value))
                return entry.Name;
        }

        throw new ArgumentOutOfRangeException(nameof(value), value, null);
    }

    private static T Value<T>((T Value, string Name)[] names, JsonElement json, string field)
        where T : struct, Enum
    {
        var text = JsonFields.RequiredText(json, field);
        return Find(names, text) ?? throw new JsonException($"field '{field}' is '{text}', which this driver does not know");
    }

    private static T? Find<T>((T Value, string Name)[] names, string text)
        where T : struct, Enum
    {
        foreach (var entry in names)
        {
            if (entry.Name == text)
                return entry.Value;
        }

        return null;
    }
}
