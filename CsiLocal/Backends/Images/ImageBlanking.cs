using CsiLocal.Native;
using CsiLocal.Volumes;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Backends.Images;

/// <summary>Makes an image blank again that an interrupted mkfs of our own left half-written.</summary>
internal static class ImageBlanking
{
    /// <summary>Removes all content, and proves that none is left.</summary>
    /// <param name="attempted">Operation and id, for messages.</param>
    /// <param name="image">Whose content goes.</param>
    /// <param name="volume">The caller's record.</param>
    /// <param name="known">The record beside the data: both must say that no file system was ever finished on it (design §2.1).</param>
    public static void Blank(string attempted, ImageFile image, VolumeRecord volume, VolumeRecord? known)
    {
        if (known is null || !NeverFormatted(known) || !NeverFormatted(volume))
        {
            throw new StorageException(
                StorageError.DataLoss,
                $"{attempted}: its records do not both say that no file system was ever finished on it",
                "nothing was touched: look at the volume and its metadata");
        }

        using var handle = image.Open(readOnly: false);
        var length = RandomAccess.GetLength(handle);
        if (length < volume.SizeBytes)
            throw new StorageException(
                StorageError.DataLoss,
                $"{attempted}: {image.Path} has {length} bytes, its record says {volume.SizeBytes}",
                "nothing was touched");

        // The page cache of the device sits above the image: emptied before, lest it is written back, and after, lest it is read.
        var loops = LoopAttachments.FindAll(image);
        foreach (var loop in loops)
            LoopDevices.Flush(loop.Number);
        if (volume.Preallocated)
            FileCopy.ZeroRange(handle, 0, length, image.Path);
        else
            FileCopy.PunchHole(handle, 0, length, image.Path);
        RandomAccess.FlushToDisk(handle);
        foreach (var loop in loops)
            LoopDevices.Flush(loop.Number);

        if (FindContent(handle, length, image.Path) is { } offset)
            throw new StorageException(
                StorageError.Internal,
                $"{attempted}: content is still there at byte {offset}",
                "see who else writes to the image");
    }

    private static bool NeverFormatted(VolumeRecord volume) =>
        volume.Format is FormatState.Never or FormatState.Formatting && volume.FormattedAt is null;

    private static long? FindContent(SafeFileHandle handle, long length, string path)
    {
        var buffer = new byte[1 << 20];
        for (long at = 0; at < length && FileCopy.NextData(handle, at, path) is { } data;)
        {
            at = FileCopy.NextHole(handle, data, path);
            for (var offset = data; offset < at;)
            {
                var read = RandomAccess.Read(handle, buffer.AsSpan(0, (int)Math.Min(buffer.Length, at - offset)), offset);
                if (read == 0)
                    return null;
                var found = buffer.AsSpan(0, read).IndexOfAnyExcept((byte)0);
                if (found >= 0)
                    return offset + found;
                offset += read;
            }
        }

        return null;
    }
}
