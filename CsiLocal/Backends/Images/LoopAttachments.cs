using System.Collections.Concurrent;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Images;

/// <summary>Images before which a loop device stands. Read-write and read-only are two devices.</summary>
/// <remarks>The kernel is the truth; the numbers kept here only spare the search, and each is checked against it when used.</remarks>
internal sealed class LoopAttachments(TimeProvider time)
{
    private readonly ConcurrentDictionary<(string Id, bool ReadOnly), int> _lastKnown = new();

    /// <summary>The device before the image, with the size that the image has now. Idempotent.</summary>
    public Attachment Attach(ImageFile image, bool readOnly)
    {
        using var handle = image.Open(readOnly);
        var status = FileStatus.Of(handle, image.Path);
        if (FindLoop(image, status, readOnly) is { } found)
        {
            // A detach that was waiting for its last user: with us there is a new one.
            if (found.AutoClear)
                LoopDevices.KeepAttached(found.Number);

            // Killed between growing the image and telling the device.
            var (_, deviceSize) = LoopDevices.Measure(found.Number);
            if (deviceSize != status.SizeBytes)
                LoopDevices.UpdateCapacity(found.Number);
            return Describe(found.Number);
        }

        var loop = LoopDevices.Attach(handle, image.Name, readOnly);
        _lastKnown[(image.Id, readOnly)] = loop.Number;
        return Describe(loop.Number);
    }

    public Attachment? Find(ImageFile image, bool readOnly) =>
        image.Find() is { } status && FindLoop(image, status, readOnly) is { } found ? Describe(found.Number) : null;

    /// <summary>All devices before the image, ours or somebody else's.</summary>
    public static IReadOnlyList<LoopStatus> FindAll(ImageFile image) =>
        image.Find() is { } status ? LoopDevices.FindAll(status.Device, status.Inode, image.Name) : [];

    /// <summary>Frees every device of this kind before the image. Success where there is none.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>: somebody uses one.</exception>
    public async Task DetachAsync(ImageFile image, bool readOnly, CancellationToken cancellationToken)
    {
        foreach (var loop in FindAll(image).Where(loop => loop.ReadOnly == readOnly))
            await LoopRelease.DetachAsync(image.Id, loop, time, cancellationToken);

        _lastKnown.TryRemove((image.Id, readOnly), out _);
    }

    private LoopStatus? FindLoop(ImageFile image, FileStatus status, bool readOnly)
    {
        if (_lastKnown.TryGetValue((image.Id, readOnly), out var number) && LoopDevices.Find(number) is { } known && Fits(known))
            return known;

        foreach (var loop in LoopDevices.FindAll(status.Device, status.Inode, image.Name))
        {
            if (!Fits(loop))
                continue;
            _lastKnown[(image.Id, readOnly)] = loop.Number;
            return loop;
        }

        return null;

        bool Fits(LoopStatus loop) => (loop.BackingDevice, loop.BackingInode, loop.ReadOnly) == (status.Device, status.Inode, readOnly);
    }

    private static Attachment Describe(int number)
    {
        var (deviceNumber, size) = LoopDevices.Measure(number);
        return new Attachment(LoopDevices.PathOf(number), IsBlockDevice: true, deviceNumber, size);
    }
}
