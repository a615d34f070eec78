using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>One device to be filled from another.</summary>
internal sealed record BlockCopyJob
{
    /// <summary>Operation and id, for messages.</summary>
    public required string Attempted { get; init; }

    /// <summary>Does not change while it is read: a snapshot, or nobody has it mounted.</summary>
    public required Attachment From { get; init; }

    public required Attachment To { get; init; }

    /// <summary>The target reads as zeros where no run of this very copy wrote (a thin volume): zeros are then left out, and take no space.</summary>
    public required bool TargetReadsZero { get; init; }

    /// <summary>Where to begin: <see cref="ICopyProgress.ResumeFrom"/> if the source cannot have changed since it was reported, else 0.</summary>
    public required long ResumeFrom { get; init; }
}

/// <summary>Copies a block device to another, past the page cache: what is read is what is on the disk, and nothing else is pushed out of memory.</summary>
internal static class BlockCopy
{
    /// <summary>The least that a thin pool allots (dm-thin.c, DATA_DEV_BLOCK_SIZE_MIN_SECTORS); zeros in smaller pieces are written as they are.</summary>
    private const int BlockBytes = 64 << 10;

    private const long ReportBytes = 64 << 20;

    /// <summary>Copies all of the source; a larger target reads as zeros behind it. Goes on where an earlier run was; what is reported is durable.</summary>
    /// <exception cref="StorageException">OutOfRange: the target is smaller. FailedPrecondition: somebody uses it. Otherwise as <see cref="IoFailure"/> translates.</exception>
    public static Task RunAsync(BlockCopyJob job, ICopyProgress progress, CancellationToken cancellationToken)
    {
        if (job.To.SizeBytes < job.From.SizeBytes)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                $"{job.Attempted}: the target has {job.To.SizeBytes} bytes, the source {job.From.SizeBytes}",
                "ask for at least the source's size");
        }

        return BlockWork.RunAsync(job.Attempted, () => Run(job, progress, cancellationToken));
    }

    private static void Run(BlockCopyJob job, ICopyProgress progress, CancellationToken cancellationToken)
    {
        using var source = BlockTarget.OpenForReading(job.Attempted, job.From);
        using var target = BlockTarget.OpenExclusive(job.Attempted, job.To, BlockOpen.Direct);

        // Reports end where chunks do, or at an end: all of them multiples of what direct I/O needs.
        var from = Math.Clamp(job.ResumeFrom, 0, target.SizeBytes);
        if (from % BlockBytes != 0 && from < source.SizeBytes)
            from = from / BlockBytes * BlockBytes;
        var total = job.TargetReadsZero ? source.SizeBytes : target.SizeBytes;
        if (from < source.SizeBytes || total == source.SizeBytes)
            CopyFrom(source, target, job.TargetReadsZero, Math.Min(from, source.SizeBytes), total, progress, cancellationToken);
        if (!job.TargetReadsZero)
            BlockErase.ZeroFrom(target, Math.Max(from, source.SizeBytes), progress, cancellationToken);
    }

    private static void CopyFrom(
        BlockDevice source, BlockDevice target, bool skipZeros, long from, long total, ICopyProgress progress, CancellationToken cancellationToken)
    {
        using var chunks = new ReadAhead(source, from);
        var reported = from;
        for (var at = from; ;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var chunk = chunks.Next();
            Write(target, chunk, at, skipZeros);
            at += chunk.Length;
            if (at < source.SizeBytes && at < reported + ReportBytes)
                continue;

            target.Flush();
            progress.Report(at, total);
            reported = at;
            if (at == source.SizeBytes)
                return;
        }
    }

    private static void Write(BlockDevice target, ReadOnlySpan<byte> chunk, long offset, bool skipZeros)
    {
        for (var at = 0; at < chunk.Length;)
        {
            var end = ZeroRuns.EndOfRun(chunk, at, BlockBytes, out var isZero);
            if (!isZero)
                target.Write(offset + at, chunk[at..end]);
            else if (!skipZeros)
                target.ZeroOut(offset + at, end - at);
            at = end;
        }
    }
}
