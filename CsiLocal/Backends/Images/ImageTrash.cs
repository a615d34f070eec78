using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>The trash of an image pool.</summary>
internal sealed class ImageTrash(PoolFolder pool, Action<string, ImageFile> refuseIfAttached)
{
    private readonly TrashFolder _folder = new(pool, ImageFile.Extension);

    public TrashRecord? Find(TrashId id) => _folder.Find(id);

    public bool Put(string attempted, TrashRecord item, ImageFile image) =>
        _folder.Put(attempted, item, () => refuseIfAttached(attempted, image));

    public void Restore(string attempted, TrashRecord item, VolumeRecord volume) => _folder.Restore(attempted, item, volume);

    public async Task EraseAsync(string attempted, TrashRecord item, IEraseProgress progress, CancellationToken cancellationToken)
    {
        var image = ImageOf(item.Id);
        if (!_folder.BeginErase(attempted, item, hasRest: false))
            return;
        refuseIfAttached(attempted, image);
        if (Overwriting.IsAsked(item.Erase))
            await OverwriteAsync(image, item.Erase, progress, cancellationToken);
        await Task.Run(image.Remove, CancellationToken.None);
        _folder.EndErase(item);
    }

    /// <summary>Blocks that it has, less those that others may have, too.</summary>
    /// <param name="shares">The file system shares blocks between files.</param>
    public long Measure(TrashRecord item, bool shares, IReadOnlyCollection<VolumeRecord> volumes, IReadOnlyCollection<SnapshotRecord> snapshots)
    {
        var held = FileStatus.Find(ImageOf(item.Id).Path)?.AllocatedBytes ?? 0;
        return shares ? Math.Max(0, held - SharedBlocks.Of(item, volumes, snapshots)) : held;
    }

    private ImageFile ImageOf(TrashId id) => new(_folder.DataOf(id), id.Value);

    /// <summary>Where it has data: holes were never written, and to fill them would take space that others wait for.</summary>
    private static async Task OverwriteAsync(ImageFile image, EraseMode mode, IEraseProgress progress, CancellationToken cancellationToken)
    {
        using var handle = image.Open(readOnly: false);
        var length = RandomAccess.GetLength(handle);
        var pattern = Overwriting.Pattern(mode);
        await Overwriting.RunAsync(length, Step, progress, cancellationToken);

        long Step(long from)
        {
            if (FileCopy.NextData(handle, from, image.Path) is not { } data)
                return length;
            var end = Math.Min(FileCopy.NextHole(handle, data, image.Path), data + Overwriting.StepBytes);
            RandomAccess.Write(handle, pattern().AsSpan(0, (int)(end - data)), data);
            RandomAccess.FlushToDisk(handle);
            return end;
        }
    }
}
