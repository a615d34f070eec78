using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Opens a volume's device, proved by number and size to be the one that was looked up.</summary>
internal static class BlockTarget
{
    /// <summary>For writing all over it: only where nobody has it mounted, claimed or stacked upon.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>: somebody has; <see cref="StorageError.DataLoss"/>: it is another device by now.</exception>
    public static BlockDevice OpenExclusive(string attempted, Attachment device, BlockOpen how)
    {
        try
        {
            return Proved(attempted, device, BlockDevice.Open(device.Path, how | BlockOpen.Write | BlockOpen.Exclusive));
        }
        catch (NativeException e) when (e.ErrorNumber == Errno.Busy)
        {
            var holders = DeviceHolders.Describe(device.DeviceNumber);
            throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {device.Path} is in use{(holders.Length == 0 ? "" : $" by {holders}")}",
                "end what uses it; nothing was written",
                e);
        }
    }

    /// <summary>For reading what is on the disk.</summary>
    public static BlockDevice OpenForReading(string attempted, Attachment device) =>
        Proved(attempted, device, BlockDevice.Open(device.Path, BlockOpen.Direct));

    private static BlockDevice Proved(string attempted, Attachment expected, BlockDevice found)
    {
        if (found.Number == expected.DeviceNumber && found.SizeBytes == expected.SizeBytes)
            return found;

        found.Dispose();
        throw new StorageException(
            StorageError.DataLoss,
            $"{attempted}: {expected.Path} was device {expected.DeviceNumber:x} of {expected.SizeBytes} bytes, and is {found.Number:x} of {found.SizeBytes} bytes now",
            "nothing was touched; try again");
    }
}
