using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Makes a logical volume blank again that an interrupted mkfs of our own left half-written.</summary>
/// <remarks>
/// Blank is what the interlock's probes call so. What the interrupted mkfs wrote elsewhere was ours and no tenant's; the next one has the same
/// options and overwrites what it relies on, as every mkfs does on a used disk. To zero all of a thick volume would take hours.
/// </remarks>
internal static class LvmBlanking
{
    /// <param name="device">Nobody has it open.</param>
    /// <param name="volume">The caller's record.</param>
    /// <param name="known">The record beside the data: both must say that no file system was ever finished on it (design §2.1).</param>
    public static void Blank(string attempted, Attachment device, VolumeRecord volume, VolumeRecord known)
    {
        if (!NeverFormatted(known) || !NeverFormatted(volume))
        {
            throw new StorageException(
                StorageError.DataLoss,
                $"{attempted}: its records do not both say that no file system was ever finished on it",
                "nothing was touched: look at the volume and its tags");
        }

        BlockErase.ClearSignatures(attempted, device);
        using var written = BlockDevice.Open(device.Path);
        if (BlankCheck.Probe(written) is not ProbeResult.Blank and var found)
            throw new StorageException(StorageError.Internal, $"{attempted}: it was zeroed, and shows {found.Describe()}", "see who else writes to the device");
    }

    private static bool NeverFormatted(VolumeRecord volume) =>
        volume is { Access: AccessType.Mount, Format: FormatState.Never or FormatState.Formatting, FormattedAt: null };
}
