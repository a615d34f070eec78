using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>The only place that runs mkfs, and the interlock before it (design §2.1: data is never destroyed by inference).</summary>
internal sealed class Formatter(ICommandRunner commands, SignatureProbe probe)
{
    private static readonly TimeSpan MkfsTimeout = TimeSpan.FromMinutes(5);

    /// <summary>Puts the record's file system on its device, which has to be blank in every respect.</summary>
    /// <remarks>
    /// Not idempotent on purpose: whether a second mkfs may follow a first is for the caller to prove.
    /// </remarks>
    /// <param name="record">Its <see cref="VolumeRecord.Format"/> must be <see cref="FormatState.Never"/>.</param>
    /// <param name="attachment">The volume's own device.</param>
    /// <param name="commitIntent">Called after every check and before the first write: commits that an mkfs is under way.</param>
    /// <param name="cancellationToken">Ends it; what mkfs wrote is then not known.</param>
    /// <exception cref="StorageException">
    /// <see cref="StorageError.DataLoss"/>: something speaks against formatting; nothing was written and no intent committed.
    /// <see cref="StorageError.Internal"/>: mkfs failed. <see cref="StorageError.InvalidArgument"/>: it refused the mkfsOptions or the size.
    /// </exception>
    /// <exception cref="ToolException">A command hung; what mkfs wrote is not known.</exception>
    public async Task FormatAsync(VolumeRecord record, Attachment attachment, Action commitIntent, CancellationToken cancellationToken)
    {
        if (record is not { Filesystem: { } type, FilesystemUuid: { } uuid })
            throw new ArgumentException("the record names no file system or no UUID", nameof(record));

        HostTools.Require($"format volume {record.Id}", HostTools.ForFilesystem(type));
        await CheckAsync(record, attachment, cancellationToken);

        commitIntent();
        var output = await commands.RunAsync(MkfsCommand(type, uuid, record.MkfsOptions, attachment.Path), cancellationToken);
        if (!output.Succeeded)
            throw MkfsFailed(record, output);

        Verify(record, attachment, type, uuid);
    }

    /// <summary>Everything that has to be true before mkfs; anything else refuses.</summary>
    private async Task CheckAsync(VolumeRecord record, Attachment attachment, CancellationToken cancellationToken)
    {
        if (record.Format != FormatState.Never)
            throw Refuse(record, $"its record says {record.Format.ToString().ToLowerInvariant()}, so it may hold data");
        if (!attachment.IsBlockDevice)
            throw Refuse(record, $"{attachment.Path} is not a block device");

        // Both probes at once, since neither changes anything: the time of the one is hidden behind the other.
        var blkid = probe.ProbeAsync(attachment.Path, cancellationToken);
        var own = Task.Run(() => WhyNot(record, attachment), CancellationToken.None);
        if (await blkid is not ProbeResult.Blank and var found)
            throw Refuse(record, $"blkid finds {found.Describe()} on {attachment.Path}");
        if (await own is { } refusal)
            throw Refuse(record, refusal);
    }

    /// <summary>Our own look at identity and content, through one open file; null where nothing speaks against formatting.</summary>
    private static string? WhyNot(VolumeRecord record, Attachment attachment)
    {
        try
        {
            using var device = BlockDevice.Open(attachment.Path);
            if (device.Number != attachment.DeviceNumber)
                return $"{attachment.Path} is another device than the one attached";
            if (device.SizeBytes != record.SizeBytes || attachment.SizeBytes != record.SizeBytes)
                return $"{attachment.Path} has {device.SizeBytes} bytes, its record says {record.SizeBytes}";

            var second = BlankCheck.Probe(device);
            return second is ProbeResult.Blank ? null : $"{attachment.Path} is not blank: {second.Describe()}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{attachment.Path} cannot be read: {e.Message}";
        }
    }

    internal static ToolCommand MkfsCommand(FilesystemType type, Guid uuid, IReadOnlyList<string> options, string device)
    {
        // Never with a force option: each mkfs then looks for signatures once more by itself. No discard: the device is known to be blank.
        IEnumerable<string> arguments = type switch
        {
            // mke2fs takes the last -E and -O it is given, so ours and the volume's go into one. 5 % of the space set aside for
            // root (-m) suits a system disk, not a volume. metadata_csum_seed (Linux 4.4): the UUID of a copy can be changed without rewriting
            // every checksum, which also depends on it otherwise.
            FilesystemType.Ext4 =>
            [
                "-q", "-U", uuid.ToString(),
                "-E", Joined("nodiscard,lazy_itable_init=1,lazy_journal_init=1", options, "-E"),
                "-O", Joined("metadata_csum_seed", options, "-O"),
                "-m", "0",
                .. Without(options, "-E", "-O"),
            ],

            // xfsprogs of Debian 12 makes nothing by default that Linux 5.10 cannot mount (bigtime and inobtcount came there);
            // nrext64, default since xfsprogs 6.5, needs 5.19: an operator with an older kernel gives -i nrext64=0.
            FilesystemType.Xfs => ["-q", "-K", "-m", $"uuid={uuid}", .. options],
            FilesystemType.Btrfs => ["-q", "-K", "-U", uuid.ToString(), .. options],
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
        };
        return new ToolCommand($"mkfs.{type.ToString().ToLowerInvariant()}", [.. arguments, device]) { Timeout = MkfsTimeout };
    }

    private static void Verify(VolumeRecord record, Attachment attachment, FilesystemType type, Guid uuid)
    {
        var found = Superblock.Read(attachment.Path);
        if (found?.Type != type || found.Uuid != uuid)
        {
            throw new StorageException(
                StorageError.DataLoss,
                $"format volume {record.Id}: mkfs reported success, but {attachment.Path} shows {found?.ToString() ?? "no file system"} instead of {type} {uuid}",
                "look at the disk below the pool: see dmesg");
        }
    }

    private static string Joined(string ours, IReadOnlyList<string> options, string name)
    {
        var all = ours;
        for (var i = 0; i + 1 < options.Count; i += 2)
        {
            if (options[i] == name)
                all = $"{all},{options[i + 1]}";
        }

        return all;
    }

    private static IEnumerable<string> Without(IReadOnlyList<string> options, params string[] names)
    {
        for (var i = 0; i + 1 < options.Count; i += 2)
        {
            if (names.Contains(options[i]))
                continue;
            yield return options[i];
            yield return options[i + 1];
        }
    }

    private static StorageException Refuse(VolumeRecord record, string fact) =>
        new(
            StorageError.DataLoss,
            $"format volume {record.Id}: {fact}; nothing was written",
            "a volume is formatted once, when it is blank; look at what is there, and delete and create the volume if it holds nothing of worth");

    private static StorageException MkfsFailed(VolumeRecord record, ToolOutput output) =>
        record.MkfsOptions.Count > 0
            ? new StorageException(
                StorageError.InvalidArgument,
                $"format volume {record.Id}: mkfs with mkfsOptions '{string.Join(' ', record.MkfsOptions)}' failed: {output.Summary}",
                "delete the volume, change mkfsOptions in its StorageClass and create it again")
            : new StorageException(
                StorageError.Internal,
                $"format volume {record.Id}: mkfs failed: {output.Summary}",
                "a volume may be too small for its file system (xfs needs 300 MiB), or the disk below the pool may be failing: see dmesg");
}
