using System.Collections.Concurrent;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Writes the tags of volumes: at once, or later where the data itself tells what they would say.</summary>
/// <remarks>
/// That a volume carries its file system is in its superblock. An lvchange for it within the first NodeStageVolume would cost as much as
/// the lvcreate did; many volumes are gone before it is due.
/// </remarks>
internal sealed class TagLedger(VolumeGroup group, TimeProvider clock)
{
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Late> _late = new(StringComparer.Ordinal);

    /// <summary>The record that the tags of this volume are yet to say; null where they say what they have to.</summary>
    public VolumeRecord? Pending(VolumeId id) => _late.GetValueOrDefault(id.Value)?.Record;

    /// <summary>Makes the tags say what the record says; starts no process where they do.</summary>
    /// <param name="volume">As the inventory has it.</param>
    /// <param name="known">What its tags say now.</param>
    /// <param name="record">What they are to say.</param>
    public async Task WriteAsync(LogicalVolume volume, VolumeRecord known, VolumeRecord record, CancellationToken cancellationToken)
    {
        // The size is that of the logical volume, whatever a tag says: an expansion alone changes nothing here.
        var wanted = record with { Pool = known.Pool, SizeBytes = known.SizeBytes };
        if (IsSame(known, wanted))
        {
            Cancel(volume.Name);
            return;
        }

        if (record.Format == FormatState.Formatted && IsSame(known with { Format = record.Format, FormattedAt = record.FormattedAt }, wanted))
        {
            _late[volume.Name] = new Late(record, clock.GetTimestamp(), Delay);
            return;
        }

        Cancel(volume.Name);
        var tags = LvTags.Of(wanted);
        await ChangeAsync(volume.Name, () => tags, cancellationToken);
    }

    /// <summary>Makes these all the tags of ours that it has, in one commit, whatever was still to be written.</summary>
    /// <exception cref="StorageException">NotFound: there is no such logical volume.</exception>
    public Task ReplaceAsync(string attempted, string name, IReadOnlyList<string> wanted, CancellationToken cancellationToken)
    {
        Cancel(name);
        return ChangeAsync(
            name,
            () => group.Find(name) is not null
                ? wanted
                : throw new StorageException(StorageError.NotFound, $"{attempted}: there is no logical volume {group.Name}/{name}"),
            cancellationToken);
    }

    /// <summary>Forgets what was to be written: the volume goes.</summary>
    public void Cancel(string name) => _late.TryRemove(name, out _);

    /// <summary>Writes what is due.</summary>
    public Task WriteDueAsync(CancellationToken cancellationToken) => WriteLateAsync(onlyDue: true, cancellationToken);

    /// <summary>Writes all that is still to be written.</summary>
    public Task FlushAsync(CancellationToken cancellationToken) => WriteLateAsync(onlyDue: false, cancellationToken);

    private async Task WriteLateAsync(bool onlyDue, CancellationToken cancellationToken)
    {
        if (_late.IsEmpty)
            return;

        foreach (var name in _late.Keys.ToArray())
        {
            if (!_late.TryGetValue(name, out var late) || (onlyDue && clock.GetElapsedTime(late.Since) < late.After))
                continue;

            // A failure ends this turn and is told; the next one goes on with the others, and comes back to this one later.
            var tried = new Late(late.Record, clock.GetTimestamp(), RetryAfter);
            if (!_late.TryUpdate(name, tried, late))
                continue;
            await ChangeAsync(name, () => Wanted(name), cancellationToken);
            _late.TryRemove(KeyValuePair.Create(name, tried));
        }
    }

    /// <summary>What the tags are to say when their turn has come; null where it was cancelled meanwhile.</summary>
    private IReadOnlyList<string>? Wanted(string name) =>
        _late.TryGetValue(name, out var late) && group.Find(name) is { } volume
            ? LvTags.Of(late.Record with { SizeBytes = volume.SizeBytes })
            : null;

    private async Task ChangeAsync(string name, Func<IReadOnlyList<string>?> wanted, CancellationToken cancellationToken)
    {
        IReadOnlyList<string>? written = null;
        await group.ChangeAsync(
            async (found, token) =>
            {
                if (wanted() is not { } tags || group.Find(name) is not { } volume)
                    return;
                var added = tags.Where(tag => !volume.Tags.Contains(tag, StringComparer.Ordinal)).ToArray();
                var removed = volume.Tags.Where(tag => !tags.Contains(tag, StringComparer.Ordinal) && LvTags.AreOurs([tag])).ToArray();
                if (added.Length + removed.Length > 0)
                    await group.Tool.ChangeTagsAsync(found, name, added, removed, token);
                written = tags;
            },
            report => written is null ? report : InventoryChange.Replace(report, name, volume => volume with { Tags = [.. Others(volume.Tags), .. written] }),
            cancellationToken);
    }

    private static IEnumerable<string> Others(IReadOnlyList<string> tags) => tags.Where(static tag => !LvTags.AreOurs([tag]));

    // As tags, since records with lists are never equal to others.
    private static bool IsSame(VolumeRecord left, VolumeRecord right) => LvTags.Of(left).SequenceEqual(LvTags.Of(right));

    private sealed record Late(VolumeRecord Record, long Since, TimeSpan After);
}
