using CsiLocal.Backends;
using CsiLocal.Filesystems;
using CsiLocal.Native;

namespace CsiLocal.Volumes;

/// <summary>The record that an object would have as a volume, or what stands against it. Reads the object, changes nothing.</summary>
/// <remarks>
/// What is adopted never gets a file system: as a mounted volume it has to carry one already, which two probes agree on, and its record says
/// "formatted" from the start; as a raw block volume it has none to this driver.
/// </remarks>
internal sealed class AdoptionPlanner(SignatureProbe probe)
{
    /// <exception cref="StorageException">InvalidArgument, OutOfRange: the pool has no such volumes. FailedPrecondition: what is on it is not what is needed.</exception>
    public async Task<VolumeRecord> PlanAsync(
        string attempted, AdoptionSpec spec, AdoptionCandidate candidate, Pool pool, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var features = pool.Backend.Features;
        if (spec.Access == AccessType.Block && !features.Block)
            throw new StorageException(StorageError.InvalidArgument, $"{attempted}: pool '{pool.Name}' has no raw block volumes", "leave --block out");
        if (spec.Filesystem is not null && !features.OwnFilesystem)
        {
            throw new StorageException(
                StorageError.InvalidArgument, $"{attempted}: pool '{pool.Name}' stores volumes as directories, which have no file system of their own", "leave --fs out");
        }

        var carried = candidate.DevicePath is { } device && spec.Access == AccessType.Mount
            ? await FilesystemAsync(attempted, spec, candidate, device, cancellationToken)
            : null;
        return new VolumeRecord
        {
            Id = spec.Id,
            Name = spec.Name,
            Pool = pool.Name,
            Backend = pool.Options.Backend,
            SizeBytes = Size(attempted, spec, candidate, pool),
            Access = spec.Access,
            Filesystem = carried?.Type,
            FilesystemUuid = carried?.Uuid,
            Format = carried is null ? FormatState.Never : FormatState.Formatted,
            Parameters = new Dictionary<string, string> { [AdoptionRecord.SourceParameter] = spec.Source.Text },
            State = VolumeState.Ready,
            CreatedAt = now,
        };
    }

    /// <summary>The file system on a device or image by its superblock alone; null where it is none of the three, or cannot be read.</summary>
    public static FilesystemType? Glance(string device)
    {
        try
        {
            return Read(device)?.Type;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static Superblock? Read(string path)
    {
        using var device = BlockDevice.OpenImage(path);
        return Superblock.Read(device);
    }

    private async Task<Superblock> FilesystemAsync(
        string attempted, AdoptionSpec spec, AdoptionCandidate candidate, string device, CancellationToken cancellationToken)
    {
        var first = await probe.ProbeAsync(device, cancellationToken);
        var second = IoFailure.Guard(attempted, () => Read(device));
        if (first is ProbeResult.Unreadable unreadable)
            throw new StorageException(StorageError.Unavailable, $"{attempted}: what is on it cannot be told: {unreadable.Reason}", "see dmesg, and look at it with blkid -p");
        if (first is not ProbeResult.Filesystem found)
        {
            throw second is not null
                ? Disagree(attempted, first, second)
                : Refuse(
                    attempted, $"it carries {first.Describe()}, and what is adopted is never formatted",
                    "adopt it as a raw block volume (--block), or make a new volume and copy to it");
        }

        if (second is null || second.Type != found.Type || second.Uuid != found.Uuid)
            throw Disagree(attempted, found, second);
        if (spec.Filesystem is { } asked && asked != second.Type)
            throw Refuse(attempted, $"it carries {found.Describe()}, not {asked.ToString().ToLowerInvariant()}", "leave --fs out, or name what is on it");
        if (second.SizeBytes > candidate.SizeBytes)
        {
            throw Refuse(
                attempted, $"its {found.Type.ToString().ToLowerInvariant()} has {second.SizeBytes} bytes, and it only {candidate.SizeBytes}",
                "it was cut short: bring it to its old size first");
        }

        return second;
    }

    private static long Size(string attempted, AdoptionSpec spec, AdoptionCandidate candidate, Pool pool)
    {
        if (candidate.DevicePath is not null)
        {
            return spec.SizeBytes == 0
                ? candidate.SizeBytes
                : throw new StorageException(
                    StorageError.InvalidArgument, $"{attempted}: it has {candidate.SizeBytes} bytes, and keeps them", "leave --size out, and expand the volume afterwards");
        }

        if (spec.SizeBytes == 0 && pool.Backend.Features.HardLimit)
        {
            throw new StorageException(
                StorageError.InvalidArgument, $"{attempted}: a directory has no size, and pool '{pool.Name}' holds its volumes to theirs",
                "say --size, at least what is in it (du -s)");
        }

        return VolumePlanner.SizeWithin(pool, spec.SizeBytes == 0 ? VolumeSpec.DefaultSizeBytes : spec.SizeBytes, limitBytes: 0, attempted);
    }

    private static StorageException Disagree(string attempted, ProbeResult first, Superblock? second) => Refuse(
        attempted, $"two probes disagree: blkid finds {first.Describe()}, its superblock {(second is null ? "nothing" : $"{second.Type.ToString().ToLowerInvariant()} with UUID {second.Uuid}")}",
        "look at it with blkid -p and fsck");

    private static StorageException Refuse(string attempted, string fact, string remedy) =>
        new(StorageError.FailedPrecondition, $"{attempted}: {fact}", remedy);
}
