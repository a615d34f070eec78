using System.Globalization;
using System.Text;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>pvck --dump metadata: the volume group's metadata as text, as far as anybody reads it.</summary>
internal sealed class LvmDump(LvmScope scope)
{
    public string Run()
    {
        if (scope.Arguments.Operands is not [var device] || scope.Arguments.Value("dump") != "metadata")
            throw new LvmMisuseException("pvck --dump metadata DEVICE");
        var group = scope.VisibleGroups().FirstOrDefault(group => group.Disks.Any(disk => disk.Path == device && scope.Sees(disk)))
            ?? throw new LvmFailureException($"  No device found for {device}.\n");

        var text = new StringBuilder("  metadata text at 5120 crc 0x1 # vgname vg seqno 2\n");
        text.Append(CultureInfo.InvariantCulture, $"{group.Name} {{\nid = \"{group.Uuid}\"\nextent_size = 8192\t\t# 4 Megabytes\n\nlogical_volumes {{\n");
        foreach (var volume in group.Sorted)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{volume.Name} {{\nid = \"{volume.Uuid}\"\n");
            if (volume.Tags.Count > 0)
                text.Append(CultureInfo.InvariantCulture, $"tags = [{string.Join(", ", volume.Tags.Select(static tag => $"\"{tag}\""))}]\n");
            text.Append(CultureInfo.InvariantCulture, $"\nsegment1 {{\nextent_count = {volume.Extents}\t# Megabytes\n\ntype = \"{volume.SegmentType}\"\n");
            if (volume.IsThinPool || volume.IsThin)
                text.Append(CultureInfo.InvariantCulture, $"transaction_id = {volume.TransactionId}\n");
            if (volume.Queued is { } unmade)
                text.Append(CultureInfo.InvariantCulture, $"\nmessage1 {{\ncreate = \"{unmade.Name}\"\n}}\n");
            text.Append("}\n}\n");
        }

        return text.Append("}\n}\n").ToString();
    }
}
