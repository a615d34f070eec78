using CsiLocal.Backends;
using CsiLocal.Filesystems;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Brings a volume's device to the point where it can be mounted: formatted exactly once, of the right identity, checked.</summary>
/// <remarks>Design §2.1: whatever does not match the record is refused and touched by nothing.</remarks>
internal sealed class FilesystemPreparer(
    StateStore store, SignatureProbe probe, Formatter formatter, FilesystemCheck check, UuidChanger uuids, History history, TimeProvider clock)
{
    /// <param name="intent">The stage that this is part of: recorded together with the intent to format, so that both cost one commit.</param>
    /// <returns>The record, now <see cref="FormatState.Formatted"/>.</returns>
    /// <exception cref="StorageException">DataLoss: what is on the device does not match the record.</exception>
    public Task<VolumeRecord> PrepareAsync(
        VolumeRecord record, PublicationRecord intent, IStorageBackend backend, Attachment attachment, CancellationToken cancellationToken) =>
        record.Format switch
        {
            FormatState.Never => FormatAsync(record, intent, backend, attachment, cancellationToken),
            FormatState.Formatting => FinishFormatAsync(record, intent, backend, attachment, cancellationToken),
            FormatState.Inherited => TakeOverAsync(record, backend, attachment, cancellationToken),
            FormatState.Formatted => VerifyAsync(record, attachment, cancellationToken),
            _ => throw new ArgumentOutOfRangeException(nameof(record), record.Format, null),
        };

    private async Task<VolumeRecord> FormatAsync(
        VolumeRecord record, PublicationRecord intent, IStorageBackend backend, Attachment attachment, CancellationToken cancellationToken)
    {
        RequireNeverUsed(record, backend);
        await formatter.FormatAsync(record, attachment, CommitIntent, cancellationToken);
        return await FormattedAsync(record, backend, $"{record.Filesystem} {record.FilesystemUuid} on {attachment.Path}");

        void CommitIntent() => store.InTransaction(() =>
        {
            store.PutPublication(intent);
            store.UpdateVolume(record with { Format = FormatState.Formatting });
        });
    }

    /// <summary>An mkfs of ours was interrupted before the volume was ever mounted: take over what it finished, or start from blank.</summary>
    private async Task<VolumeRecord> FinishFormatAsync(
        VolumeRecord record, PublicationRecord intent, IStorageBackend backend, Attachment attachment, CancellationToken cancellationToken)
    {
        // Each mkfs writes its superblock, or marks it complete, last: with the UUID minted for this volume it is ours and finished.
        if (IsRecorded(record, attachment))
        {
            if (record.Filesystem == FilesystemType.Ext4)
                await check.CheckExt4Async(Purpose(record), attachment, cancellationToken);

            return await FormattedAsync(record, backend, "an interrupted mkfs of ours had finished its work");
        }

        RequireNeverUsed(record, backend);
        var found = await probe.ProbeAsync(attachment.Path, cancellationToken);
        if (found is not (ProbeResult.Blank or ProbeResult.Filesystem) || found is ProbeResult.Filesystem other && other.Uuid != record.FilesystemUuid)
            throw Mismatch(record, attachment, found.Describe());

        history.Changed(record.Id.Value, "is made blank again", $"our own mkfs was interrupted before the first mount and left {found.Describe()}");
        await backend.MakeBlankAsync(record, cancellationToken);
        var blank = record with { Format = FormatState.Never };
        store.UpdateVolume(blank);
        return await FormatAsync(blank, intent, backend, attachment, cancellationToken);
    }

    /// <summary>A row may be older than the volume (a state file from a backup): the record beside the data has to say, too, that nothing was put on it.</summary>
    private static void RequireNeverUsed(VolumeRecord record, IStorageBackend backend)
    {
        var beside = backend.FindMetadata(record.Id);
        if (beside is { FormattedAt: null, Format: FormatState.Never or FormatState.Formatting } && beside.CreatedAt == record.CreatedAt)
            return;

        var says = beside is null ? "is missing"
            : beside.CreatedAt != record.CreatedAt ? $"is of a volume made at {beside.CreatedAt:O}, not at {record.CreatedAt:O}"
            : $"says {beside.Format.ToString().ToLowerInvariant()}{(beside.FormattedAt is { } at ? $" at {at:O}" : "")}";
        throw new StorageException(
            StorageError.DataLoss,
            $"format volume {record.Id}: its row says {record.Format.ToString().ToLowerInvariant()}, but the metadata beside its data {says}; nothing was written",
            "is the state older than the pool? 'csilocal state check' tells; restart csilocal to compare them anew");
    }

    private async Task<VolumeRecord> TakeOverAsync(
        VolumeRecord record, IStorageBackend backend, Attachment attachment, CancellationToken cancellationToken)
    {
        await uuids.ChangeAsync(Purpose(record), attachment, record.Filesystem!.Value, record.FilesystemUuid!.Value, cancellationToken);
        return await FormattedAsync(record, backend, $"it has UUID {record.FilesystemUuid} in place of its source's");
    }

    private async Task<VolumeRecord> VerifyAsync(VolumeRecord record, Attachment attachment, CancellationToken cancellationToken)
    {
        if (!IsRecorded(record, attachment))
            throw Mismatch(record, attachment, Superblock.Read(attachment.Path)?.ToString() ?? "no file system of ours");

        await check.RepairAsync(Purpose(record), attachment, record.Filesystem!.Value, cancellationToken);
        return record;
    }

    private async Task<VolumeRecord> FormattedAsync(VolumeRecord record, IStorageBackend backend, string why)
    {
        var formatted = record with { Format = FormatState.Formatted, FormattedAt = clock.GetUtcNow() };

        // Beside the data first: a state file rebuilt from the pool must never take a used volume for a fresh one.
        await backend.WriteMetadataAsync(formatted, CancellationToken.None);
        store.UpdateVolume(formatted);
        history.Changed(record.Id.Value, "carries its file system", why);
        return formatted;
    }

    private static bool IsRecorded(VolumeRecord record, Attachment attachment) =>
        Superblock.Read(attachment.Path) is { } found && found.Type == record.Filesystem && found.Uuid == record.FilesystemUuid;

    private static string Purpose(VolumeRecord record) => $"stage volume {record.Id}";

    private static StorageException Mismatch(VolumeRecord record, Attachment attachment, string found) => new(
        StorageError.DataLoss,
        $"stage volume {record.Id}: its record says {record.Filesystem} {record.FilesystemUuid}, {attachment.Path} carries {found}",
        "nothing was changed; a person has to look");
}
