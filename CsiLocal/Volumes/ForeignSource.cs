using CsiLocal.Filesystems;

namespace CsiLocal.Volumes;

/// <summary>Where something lies that others made: a logical volume by its group and name, or a file or directory by its path.</summary>
/// <remarks>
/// Neither name reaches an argument list: a logical volume is looked up in LVM's own report, which has the name that is used. A path is
/// opened component by component.
/// </remarks>
/// <param name="VolumeGroup">null: it is a path.</param>
/// <param name="Name">Of the logical volume, or the last component of the path.</param>
/// <param name="Text">"vg/lv" or the path, always the same for the same object.</param>
internal readonly record struct ForeignSource(string? VolumeGroup, string Name, string Text)
{
    private const string Field = "source";
    private const string MapperFolder = "/dev/mapper/";
    private const string DeviceFolder = "/dev/";

    public bool IsPath => VolumeGroup is null;

    /// <summary>Reads "vg/lv", "/dev/vg/lv", "/dev/mapper/vg-lv" or an absolute path.</summary>
    /// <exception cref="StorageException">InvalidArgument.</exception>
    public static ForeignSource Parse(string text)
    {
        if (text.StartsWith(MapperFolder, StringComparison.Ordinal))
            return OfGroup(text, Demangle(text[MapperFolder.Length..]).Split('/'));
        if (text.StartsWith(DeviceFolder, StringComparison.Ordinal))
            return OfGroup(text, text[DeviceFolder.Length..].Split('/'));
        if (!text.StartsWith('/'))
            return OfGroup(text, text.Split('/'));

        var path = text.Length > 1 ? text.TrimEnd('/') : text;
        PathRules.Check(Field, path);
        return new ForeignSource(null, path[(path.LastIndexOf('/') + 1)..], path);
    }

    public static ForeignSource OfLogicalVolume(string group, string name) => new(group, name, $"{group}/{name}");

    private static ForeignSource OfGroup(string text, string[] parts) => parts is [var group, var name] && IsName(group) && IsName(name)
        ? OfLogicalVolume(group, name)
        : throw PathRules.Refuse(Field, $"'{PathRules.Shorten(text)}' is no logical volume", "give it as VG/LV; files and directories by their absolute path");

    // lvm(8), VALID NAMES. What comes of it is only ever compared.
    private static bool IsName(string name) => name.Length is > 0 and < 128 && name[0] != '-' && name.All(static c => char.IsAsciiLetterOrDigit(c) || "+_.-".Contains(c, StringComparison.Ordinal));

    // Between group and volume is one dash; those of their own are doubled (lvm2, lib/misc/lvm-string.c).
    private static string Demangle(string name)
    {
        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] != '-')
                continue;
            if (i + 1 >= name.Length || name[i + 1] != '-')
                return $"{name[..i].Replace("--", "-", StringComparison.Ordinal)}/{name[(i + 1)..].Replace("--", "-", StringComparison.Ordinal)}";
            i++;
        }

        return name;
    }
}
