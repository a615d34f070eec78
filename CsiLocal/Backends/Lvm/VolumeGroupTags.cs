using System.Text;

namespace CsiLocal.Backends.Lvm;

/// <summary>Whose a volume group is, as a tag of the volume group itself: <c>csilocal.group=1&amp;node=worker-1</c>.</summary>
/// <remarks>One tag for all pools in it: disks move from machine to machine by volume groups. One vgchange replaces it, in one commit of LVM's metadata.</remarks>
internal static class VolumeGroupTags
{
    private const string Group = "group";
    private const string Node = "node";

    public static IReadOnlyList<string> Of(string node)
    {
        var fields = new StringBuilder();
        LvTagText.Append(fields, Node, node);
        return LvTagText.Split(Group, fields);
    }

    /// <summary>The node that the tags name; null where none of them is ours.</summary>
    /// <exception cref="FormatException">Ours, and not readable.</exception>
    public static string? ReadNode(IReadOnlyList<string> tags) =>
        LvTagText.Join(Group, tags) is { } text ? new LvTagFields(text).Required(Node) : null;
}
