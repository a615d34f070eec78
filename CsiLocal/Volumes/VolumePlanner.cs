using CsiLocal.Backends;
using CsiLocal.Filesystems;

namespace CsiLocal.Volumes;

/// <summary>Turns a specification into the record of the volume to be made, or says what does not fit. Touches nothing.</summary>
internal static class VolumePlanner
{
    private const FilesystemType DefaultFilesystem = FilesystemType.Ext4;

    /// <summary>The record of a new volume, state <see cref="VolumeState.Creating"/>.</summary>
    /// <param name="source">What it is filled from, already found; null for an empty volume.</param>
    /// <exception cref="StorageException">InvalidArgument, OutOfRange: what of the specification the pool cannot serve.</exception>
    public static VolumeRecord Plan(VolumeSpec spec, Pool pool, CopySource? source, DateTimeOffset now)
    {
        var features = pool.Backend.Features;
        if (spec.Access == AccessType.Block && !features.Block)
        {
            throw new StorageException(
                StorageError.InvalidArgument,
                $"volume_capabilities: pool '{pool.Name}' stores volumes as {Words(pool.Options.Backend)} and has no raw block volumes",
                "ask for a mounted volume, or name an image or LVM pool");
        }

        if (spec.Erase is EraseMode.Zero or EraseMode.Random && !features.Overwrite)
        {
            throw new StorageException(
                StorageError.InvalidArgument,
                $"parameters[{ParameterNames.Erase}]: pool '{pool.Name}' overwrites nothing where it lies",
                "use discard or none, or an lvm pool, or an image pool on ext4 or xfs");
        }

        RequireFitOfSource(spec, source);
        var filesystem = Filesystem(spec, pool, source);
        var size = Size(spec, pool, filesystem, source);
        return new VolumeRecord
        {
            Id = spec.Id,
            Name = spec.Name,
            Pool = pool.Name,
            Backend = pool.Options.Backend,
            SizeBytes = size,
            Access = spec.Access,
            Filesystem = filesystem,
            FilesystemUuid = filesystem is null ? null : Guid.NewGuid(),
            MkfsOptions = Options(spec, filesystem),
            Parameters = spec.Parameters,
            Source = spec.Source,
            Preallocated = Preallocated(spec, pool),
            State = VolumeState.Creating,
            CreatedAt = now,
        };
    }

    /// <summary>Whether a repeated request means the volume that is there.</summary>
    /// <exception cref="StorageException">AlreadyExists, naming the first field that differs.</exception>
    public static void RequireSame(VolumeRecord existing, VolumeSpec spec)
    {
        if (existing.Name != spec.Name)
            throw Different(existing, "name", existing.Name, spec.Name);

        if (spec.RequiredBytes > existing.SizeBytes)
            throw Different(existing, "capacity_range.required_bytes", existing.SizeBytes, spec.RequiredBytes);

        if (spec.LimitBytes > 0 && spec.LimitBytes < existing.SizeBytes)
            throw Different(existing, "capacity_range.limit_bytes", existing.SizeBytes, spec.LimitBytes);

        if (existing.Access != spec.Access)
            throw Different(existing, "volume_capabilities access type", existing.Access, spec.Access);

        if (spec.Filesystem is { } wanted && existing.Filesystem is { } made && wanted != made)
            throw Different(existing, "volume_capabilities fs_type", made, wanted);

        if (spec.Pool is { } pool && pool != existing.Pool)
            throw Different(existing, "pool", existing.Pool, pool);

        if (!Equals(existing.Source, spec.Source))
            throw Different(existing, "volume_content_source", existing.Source, spec.Source);

        if (!SameParameters(existing.Parameters, spec.Parameters))
            throw Different(existing, "parameters", Text(existing.Parameters), Text(spec.Parameters));
    }

    private static void RequireFitOfSource(VolumeSpec spec, CopySource? source)
    {
        if (source is null)
            return;

        var (access, id) = source.Volume is { } volume
            ? (volume.Access, volume.Id.Value)
            : (source.Snapshot!.Access, source.Snapshot.Id.Value);
        if (access != spec.Access)
        {
            throw new StorageException(
                StorageError.InvalidArgument,
                $"volume_content_source: {id} is a {Words(access)} volume, a {Words(spec.Access)} one was asked for",
                "use the same access type as the source");
        }

        if (spec.MkfsOptions is not null)
        {
            throw new StorageException(
                StorageError.InvalidArgument,
                $"parameters[{ParameterNames.MkfsOptions}]: a volume filled from {id} keeps its source's file system",
                "leave the parameter out");
        }
    }

    private static FilesystemType? Filesystem(VolumeSpec spec, Pool pool, CopySource? source)
    {
        if (spec.Access == AccessType.Block)
            return null;

        if (!pool.Backend.Features.OwnFilesystem)
        {
            if (spec.Filesystem is { } asked && !string.Equals(asked.ToString(), pool.Facts?.FilesystemName, StringComparison.OrdinalIgnoreCase))
            {
                throw new StorageException(
                    StorageError.InvalidArgument,
                    $"fs_type '{Words(asked)}': pool '{pool.Name}' stores volumes as directories on {pool.Facts?.FilesystemName}",
                    "leave fs_type empty");
            }

            return null;
        }

        var inherited = source?.Volume?.Filesystem ?? source?.Snapshot?.Filesystem;
        if (spec.Filesystem is { } wanted && inherited is { } has && wanted != has)
        {
            throw new StorageException(
                StorageError.InvalidArgument,
                $"fs_type '{Words(wanted)}': the source carries {Words(has)}", "leave fs_type empty, or use the source's");
        }

        return inherited ?? spec.Filesystem ?? DefaultFilesystem;
    }

    private static long Size(VolumeSpec spec, Pool pool, FilesystemType? filesystem, CopySource? source)
    {
        var sourceSize = source?.Volume?.SizeBytes ?? source?.Snapshot?.SizeBytes ?? 0;
        var wanted = spec.RequiredBytes > 0 ? spec.RequiredBytes
            : sourceSize > 0 ? sourceSize
            : spec.LimitBytes > 0 ? Math.Min(VolumeSpec.DefaultSizeBytes, spec.LimitBytes)
            : VolumeSpec.DefaultSizeBytes;
        if (sourceSize > 0 && spec.RequiredBytes > 0 && spec.RequiredBytes < sourceSize)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                $"capacity_range.required_bytes: {spec.RequiredBytes} is less than the {sourceSize} bytes of the source",
                "ask for at least the source's size");
        }

        return SizeWithin(pool, Math.Max(wanted, MinimumBytes(filesystem)), spec.LimitBytes, $"create volume {spec.Name}");
    }

    /// <summary>The real size for a wish, within its limit.</summary>
    /// <exception cref="StorageException">OutOfRange: the smallest possible size is above the limit.</exception>
    public static long SizeWithin(Pool pool, long wantedBytes, long limitBytes, string purpose)
    {
        var size = wantedBytes > MaximumBytes ? long.MaxValue : pool.Backend.RoundUp(wantedBytes);
        if (size > MaximumBytes)
        {
            throw new StorageException(
                StorageError.OutOfRange, $"{purpose}: capacity_range.required_bytes {wantedBytes} is above the maximum of {MaximumBytes}");
        }

        if (limitBytes > 0 && size > limitBytes)
        {
            throw new StorageException(
                StorageError.OutOfRange,
                $"{purpose}: the smallest size that serves {wantedBytes} bytes is {size}, above capacity_range.limit_bytes {limitBytes}",
                $"raise the limit to at least {size}");
        }

        return size;
    }

    /// <summary>8 EiB is what a file offset can say; ext4 and loop devices end far below: 16 TiB is ext4's largest file at 4 KiB blocks.</summary>
    public const long MaximumBytes = 16L << 40;

    /// <summary>The smallest volume, in bytes: what each mkfs needs, 1 MiB without one.</summary>
    public static long MinimumBytes(FilesystemType? filesystem) => filesystem is { } type ? FilesystemLimits.MinimumBytes(type) : 1L << 20;

    private static IReadOnlyList<string> Options(VolumeSpec spec, FilesystemType? filesystem)
    {
        if (spec.MkfsOptions is null)
            return [];

        if (filesystem is null)
        {
            throw new StorageException(
                StorageError.InvalidArgument,
                $"parameters[{ParameterNames.MkfsOptions}]: this volume gets no file system of its own", "leave the parameter out");
        }

        return MkfsOptions.Parse(filesystem.Value, spec.MkfsOptions);
    }

    private static bool Preallocated(VolumeSpec spec, Pool pool)
    {
        if (spec.Preallocate is not null && pool.Options.Backend != BackendKind.Image)
        {
            throw new StorageException(
                StorageError.InvalidArgument,
                $"parameters[{ParameterNames.Preallocate}]: pool '{pool.Name}' has no image files", "leave the parameter out");
        }

        return spec.Preallocate ?? pool.Options.Preallocate;
    }

    private static bool SameParameters(IReadOnlyDictionary<string, string> left, IReadOnlyDictionary<string, string> right)
    {
        // Over the keys and not the pairs: LINQ over a struct is compiled anew for each kind of pair.
        static string[] Significant(IReadOnlyDictionary<string, string> parameters) =>
            [.. parameters.Keys.Where(static key => !ParameterNames.Informational.Contains(key)).Order(StringComparer.Ordinal)];

        var keys = Significant(left);
        return keys.SequenceEqual(Significant(right)) && keys.All(key => left[key] == right[key]);
    }

    private static StorageException Different(VolumeRecord existing, string field, object? has, object? asked) => new(
        StorageError.AlreadyExists,
        $"volume '{existing.Name}' ({existing.Id}) exists with another {field}: {has ?? "none"}, not {asked ?? "none"}",
        "use another name, or ask for what is there");

    private static string Text(IReadOnlyDictionary<string, string> parameters) =>
        parameters.Count == 0 ? "none" : string.Join(",", parameters.Keys.Select(key => $"{key}={parameters[key]}"));

    private static string Words<T>(T value) where T : struct, Enum => value switch
    {
        BackendKind.Directory => "directories",
        BackendKind.Image => "image files",
        BackendKind.Lvm => "logical volumes",
        BackendKind.LvmThin => "thin volumes",
        _ => value.ToString().ToLowerInvariant(),
    };
}
