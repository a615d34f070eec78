using CsiLocal.Native;
using CsiLocal.Volumes;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Backends.Images;

/// <summary>One image to be filled from another.</summary>
internal sealed record CopyJob
{
    /// <summary>Operation and id, for messages.</summary>
    public required string Attempted { get; init; }

    public required ImageFile From { get; init; }

    public required ImageFile To { get; init; }

    /// <summary>Length of the target; beyond the source it reads as zeros.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Allot the blocks of holes, too.</summary>
    public required bool Allocate { get; init; }

    public required CopySource Source { get; init; }

    /// <summary>The source never got its file system: nothing to copy, and what an interrupted mkfs left must not be.</summary>
    public bool IsBlank
    {
        get
        {
            var (access, format) = Source switch
            {
                { Volume: { } volume } => (volume.Access, volume.Format),
                { Snapshot: { } snapshot } => (snapshot.Access, snapshot.Format),
                _ => throw new InvalidOperationException("a copy without a source"),
            };
            return access == AccessType.Mount && format is FormatState.Never or FormatState.Formatting;
        }
    }
}

/// <summary>Fills images: by reflink in an instant, else by a sparse copy that is cancellable and can go on after a restart.</summary>
internal sealed class ImageCopier(TimeSpan freezeLimit, TimeProvider time)
{
    private const long ReportBytes = 64 << 20;

    // No disk in sight copies faster: what would take longer than the limit even so is refused before anything is frozen.
    private const long FastestBytesPerSecond = 4L << 30;

    private const string Remedy = "put the pool on xfs or btrfs, where a copy takes an instant, or unmount the volume first";

    private readonly FrozenFilesystem _frozen = new(freezeLimit, time);

    /// <summary>Refuses, before anything is made, what cannot come to a good end.</summary>
    public void Check(CopyJob job, bool reflink)
    {
        var source = job.From.Require();
        if (source.SizeBytes > job.SizeBytes)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                $"{job.Attempted}: {job.SizeBytes} bytes asked for, the source {job.From.Id} has {source.SizeBytes}",
                "ask for at least the source's size");
        }

        if (reflink || job.IsBlank)
            return;

        if (job.Source is { InUse: true, FrozenAt: null })
        {
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{job.Attempted}: {job.From.Id} is in use as a raw block device, and the pool's file system cannot copy it in an instant",
                Remedy);
        }

        if (job.Source.FrozenAt is not null && (double)source.AllocatedBytes / FastestBytesPerSecond > freezeLimit.TotalSeconds)
            throw TooLong(job, source.AllocatedBytes);
    }

    /// <summary>Fills the target. An existing one must be proved to be an unfinished attempt at the same copy.</summary>
    /// <returns>The bytes it shares with its source.</returns>
    public async Task<long> FillAsync(CopyJob job, bool reflink, ICopyProgress progress, CancellationToken cancellationToken)
    {
        if (job.IsBlank)
        {
            using var blank = MakeAnew(job);
            job.To.MakeDurable(blank);
            return 0;
        }

        // What a workload wrote to the device but the kernel has not yet passed on to the image.
        foreach (var loop in LoopAttachments.FindAll(job.From).Where(loop => !loop.ReadOnly))
            LoopDevices.Sync(loop.Number);

        if (reflink)
            return await CloneAsync(job, progress, cancellationToken);
        if (job.Source.FrozenAt is not null)
            await CopyFrozenAsync(job, progress, cancellationToken);
        else
            CopyAtRest(job, progress, cancellationToken);
        return 0;
    }

    private async Task<long> CloneAsync(CopyJob job, ICopyProgress progress, CancellationToken cancellationToken)
    {
        job.To.Remove();
        using var source = job.From.Open(readOnly: true);
        using var target = job.To.Create();
        long shared = 0;
        await WhileConsistentAsync(job, progress, Share, cancellationToken);
        job.To.Extend(target, job.SizeBytes, job.Allocate);
        job.To.MakeDurable(target);
        return shared;

        void Share()
        {
            if (!FileCopy.TryClone(source, target, job.From.Path))
            {
                throw new StorageException(
                    StorageError.FailedPrecondition,
                    $"{job.Attempted}: the pool's file system refuses to share the blocks of {job.From.Path}",
                    "look for differing attributes (lsattr: C, no copy-on-write)");
            }

            shared = FileStatus.Of(source, job.From.Path).AllocatedBytes;
        }
    }

    private async Task CopyFrozenAsync(CopyJob job, ICopyProgress progress, CancellationToken cancellationToken)
    {
        // Always from the start: what an earlier attempt read was of another moment.
        using var source = job.From.Open(readOnly: true);
        using var target = MakeAnew(job);
        var length = RandomAccess.GetLength(source);
        await WhileConsistentAsync(job, progress, CopyWithinLimit, cancellationToken);

        // Written out only now that nobody waits; nothing was reported before, so that nothing resumes here.
        job.To.MakeDurable(target);
        progress.Report(length, length);

        void CopyWithinLimit()
        {
            var begin = time.GetTimestamp();
            SparseCopy.Copy(source, target, 0, job.From.Path, done =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (done < length && time.GetElapsedTime(begin) > freezeLimit)
                    throw TooLong(job, FileStatus.Of(source, job.From.Path).AllocatedBytes);
            });
        }
    }

    private static void CopyAtRest(CopyJob job, ICopyProgress progress, CancellationToken cancellationToken)
    {
        using var source = job.From.Open(readOnly: true);
        var from = ResumePoint(job, FileStatus.Of(source, job.From.Path), progress.ResumeFrom);
        using var target = from == 0 ? MakeAnew(job) : job.To.Open(readOnly: false);
        job.To.MakeDurable(target);

        var length = RandomAccess.GetLength(source);
        var reported = from;
        SparseCopy.Copy(source, target, from, job.From.Path, done =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (done < reported + ReportBytes && done < length)
                return;
            RandomAccess.FlushToDisk(target);
            progress.Report(done, length);
            reported = done;
        });
    }

    /// <summary>Where to take up an earlier attempt: only if its target is there and the source was not written to since.</summary>
    private static long ResumePoint(CopyJob job, FileStatus source, long reported)
    {
        var isUsable = reported > 0
            && reported <= source.SizeBytes
            && job.To.Find() is { } target
            && target.SizeBytes == job.SizeBytes
            && (job.Source.Snapshot is not null || source.ModifiedNs < target.BornNs);
        return isUsable ? reported : 0;
    }

    private static SafeFileHandle MakeAnew(CopyJob job)
    {
        job.To.Remove();
        var target = job.To.Create();
        try
        {
            job.To.Extend(target, job.SizeBytes, job.Allocate);
            return target;
        }
        catch (IOException)
        {
            target.Dispose();
            throw;
        }
    }

    private async Task WhileConsistentAsync(CopyJob job, ICopyProgress progress, Action work, CancellationToken cancellationToken)
    {
        if (job.Source.FrozenAt is not { } path)
        {
            work();
            return;
        }

        var devices = new List<ulong>();
        foreach (var loop in LoopAttachments.FindAll(job.From))
            devices.Add(LoopDevices.Measure(loop.Number).DeviceNumber);
        var held = await _frozen.DuringAsync(job.Attempted, path, devices, progress, Work, cancellationToken);
        if (!held)
        {
            throw new StorageException(
                StorageError.Aborted,
                $"{job.Attempted}: somebody thawed {path} during the copy, which is therefore not of one moment",
                "try again");
        }

        Task Work()
        {
            work();
            return Task.CompletedTask;
        }
    }

    private StorageException TooLong(CopyJob job, long bytes) => new(
        StorageError.FailedPrecondition,
        $"{job.Attempted}: copying {bytes} bytes of the mounted {job.From.Id} would freeze it for longer than the "
            + $"{freezeLimit.TotalSeconds:0.###} s allowed",
        Remedy);
}
