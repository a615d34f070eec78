using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Zeros over what an earlier user of the blocks left. The caller has proved that the volume was handed to nobody.</summary>
internal static class BlockErase
{
    /// <summary>What an ordinary disk writes in a second or two: a cancelled erasure ends within that, and a restart repeats no more.</summary>
    public const long StepBytes = 256L << 20;

    /// <summary>Largest logical block there is: regions are widened to it, since a device writes whole blocks.</summary>
    private const int Grain = 4096;

    /// <summary>Zeros, durably, everywhere the format interlock looks; what lies between is behind a fresh file system soon. Idempotent.</summary>
    public static void ClearSignatures(string attempted, Attachment device) => IoFailure.Guard(attempted, () =>
    {
        using var target = BlockTarget.OpenExclusive(attempted, device, BlockOpen.Write);

        // Through the page cache: the disk then gets the fifty places sorted and at once, and the interlock reads them from memory.
        var zeros = new byte[(1 << 20) + Grain];
        foreach (var (offset, length) in BlankCheck.Regions(target.SizeBytes))
        {
            var begin = offset / Grain * Grain;
            var end = Math.Min((offset + length + Grain - 1) / Grain * Grain, target.SizeBytes);
            target.Write(begin, zeros.AsSpan(0, (int)(end - begin)));
        }

        target.Flush();
    });

    /// <summary>Zeros all of it, from where an earlier run was; each step is durable before it is reported.</summary>
    public static Task ZeroAsync(string attempted, Attachment device, ICopyProgress progress, CancellationToken cancellationToken) =>
        BlockWork.RunAsync(attempted, () =>
        {
            using var target = BlockTarget.OpenExclusive(attempted, device, BlockOpen.Write);
            ZeroFrom(target, progress.ResumeFrom / Grain * Grain, progress, cancellationToken);
        });

    /// <summary>Zeros from an offset to the end.</summary>
    internal static void ZeroFrom(BlockDevice target, long from, ICopyProgress progress, CancellationToken cancellationToken)
    {
        for (var at = Math.Clamp(from, 0, target.SizeBytes); at < target.SizeBytes;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var length = Math.Min(StepBytes, target.SizeBytes - at);
            target.ZeroOut(at, length);
            target.Flush();
            at += length;
            progress.Report(at, target.SizeBytes);
        }
    }
}
