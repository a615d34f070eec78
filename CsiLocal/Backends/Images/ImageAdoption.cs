using System.Globalization;
using CsiLocal.Backends.Directories;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>Takes over images of disks that others made in the pool's file system.</summary>
internal sealed class ImageAdoption(PoolFolder pool, string poolName) : IAdoption
{
    private const long MinimumBytes = 1 << 20;
    private const int SectorBytes = 512;

    private readonly FolderAdoption _folder = new(pool, poolName, ImageFile.Extension);

    public Task<AdoptionCandidate> InspectAsync(string attempted, ForeignSource source, CancellationToken cancellationToken) =>
        Task.Run(() => IoFailure.Guard(attempted, () => Inspect(attempted, source)), cancellationToken);

    public Task<IReadOnlyList<AdoptionCandidate>> ListAsync(string attempted, string? folder, CancellationToken cancellationToken) => Task.Run(
        () => IoFailure.Guard(attempted, () => _folder.List(attempted, folder, static status => status.IsRegular, source => Inspect(attempted, source))),
        cancellationToken);

    public Task AdoptAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) => Task.Run(
        () => IoFailure.Guard(attempted, () =>
        {
            if (_folder.IsMoved(adoption))
                return;
            Inspect(attempted, ForeignSource.Parse(adoption.Source));
            _folder.Move(attempted, adoption);
        }),
        cancellationToken);

    public Task<bool> IsDoneAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) =>
        Task.FromResult(IoFailure.Guard(attempted, () => _folder.IsMoved(adoption)));

    public Task ReleaseAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken) =>
        Task.Run(() => IoFailure.Guard(attempted, () => _folder.MoveBack(attempted, adoption)), cancellationToken);

    private AdoptionCandidate Inspect(string attempted, ForeignSource source)
    {
        var status = _folder.Require(attempted, source);
        if (!status.IsRegular)
            throw FolderAdoption.Refuse(attempted, "it is no regular file", "name an image of a disk, or choose a pool of directories");
        if (status.Links != 1)
        {
            throw FolderAdoption.Refuse(
                attempted, string.Create(CultureInfo.InvariantCulture, $"it has {status.Links} names (hard links): by another one it could still be written to, or be removed"),
                "remove the others (find -samefile), or copy it");
        }

        if (status.SizeBytes < MinimumBytes || status.SizeBytes % SectorBytes != 0)
        {
            throw FolderAdoption.Refuse(
                attempted, string.Create(CultureInfo.InvariantCulture, $"its {status.SizeBytes} bytes are no size of a disk: at least {MinimumBytes}, in whole sectors of {SectorBytes}"),
                "see that it is a raw image (qemu-img convert -O raw); fill up the last sector with: truncate --size %512 FILE");
        }

        if (LoopDevices.FindAll(status.Device, status.Inode, source.Name) is [var loop, ..])
            throw FolderAdoption.Refuse(attempted, $"it is in use: {loop.Path} stands before it", $"unmount what is on it, and losetup --detach {loop.Path}");

        MountUse.Refuse(source.Text, attempted);
        return new AdoptionCandidate { Source = source, Identity = FolderAdoption.Identify(status), SizeBytes = status.SizeBytes, DevicePath = source.Text };
    }
}
