using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>A loop device that has a backing file.</summary>
/// <param name="Number">N of <c>/dev/loopN</c>.</param>
/// <param name="BackingDevice">The backing file's <c>st_dev</c>.</param>
/// <param name="BackingInode">The backing file's inode.</param>
/// <param name="ReadOnly">Cannot be written to.</param>
/// <param name="DirectIo">Passes by the page cache of the pool's file system.</param>
/// <param name="AutoClear">Lets go of its file as soon as the last user closes it.</param>
internal sealed record LoopStatus(
    int Number, ulong BackingDevice, ulong BackingInode, bool ReadOnly, bool DirectIo, bool AutoClear)
{
    public string Path => LoopDevices.PathOf(Number);

    /// <summary>Where the backing file is a block device: its number, as in <c>st_rdev</c>.</summary>
    public ulong BackingNumber { get; init; }
}

/// <summary>Loop devices by ioctl (linux/loop.h), Linux 5.8 and later: no child process, no waiting for udev.</summary>
internal static partial class LoopDevices
{
    private const string ControlPath = "/dev/loop-control";
    private const string SysBlock = "/sys/block";
    private const int SectorSize = 512;

    // Others may take the free device between the two calls; each try asks anew, so this many in a row means something else.
    private const int MaxTries = 500;

    private const uint SetStatus = 0x4C04; // LOOP_SET_STATUS64
    private const uint GetStatus = 0x4C05; // LOOP_GET_STATUS64
    private const uint ClearFile = 0x4C01; // LOOP_CLR_FD
    private const uint SetCapacity = 0x4C07; // LOOP_SET_CAPACITY
    private const uint Configure = 0x4C0A; // LOOP_CONFIGURE
    private const uint GetFree = 0x4C82; // LOOP_CTL_GET_FREE
    private const uint DeviceSize = 0x80081272; // BLKGETSIZE64
    private const uint FlushBuffers = 0x1261; // BLKFLSBUF

    private const uint ReadOnlyFlag = 1; // LO_FLAGS_READ_ONLY
    private const uint AutoClearFlag = 4; // LO_FLAGS_AUTOCLEAR
    private const uint DirectIoFlag = 16; // LO_FLAGS_DIRECT_IO

    public static string PathOf(int number) => $"/dev/loop{number.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Proves that loop devices can be had here.</summary>
    /// <exception cref="NativeException">ENOENT: no loop driver, or /dev is not the host's.</exception>
    public static void Probe() => NativeFile.Open(ControlPath, NativeFile.ReadWrite).Dispose();

    /// <summary>Puts a free loop device, made if need be, before the file. Direct I/O where the file system below allows it.</summary>
    /// <param name="backing">Open for reading, and for writing unless <paramref name="readOnly"/>.</param>
    /// <param name="label">Kept by the kernel for people (<c>losetup -l</c>), at most 63 bytes of it.</param>
    /// <param name="readOnly">Whether the device refuses writes.</param>
    public static LoopStatus Attach(SafeFileHandle backing, string label, bool readOnly)
    {
        using var control = NativeFile.Open(ControlPath, NativeFile.ReadWrite);
        for (var tries = 0; ; tries++)
        {
            var number = NativeFile.Control(control, GetFree, 0);
            if (number < 0)
                throw NativeException.Last("LOOP_CTL_GET_FREE", ControlPath);
            if (TryConfigure(number, backing, label, readOnly, out var taken))
                return Find(number) ?? throw new NativeException($"LOOP_GET_STATUS64 {PathOf(number)}", Errno.NoDeviceOrAddress);
            if (tries == MaxTries)
                throw taken!;
        }
    }

    /// <summary>The device as it is, or null where it has no backing file.</summary>
    public static LoopStatus? Find(int number)
    {
        using var device = TryOpen(number, NativeFile.ReadOnly);
        if (device is null)
            return null;
        var info = default(LoopInfo);
        if (NativeFile.Control(device, GetStatus, ref info) == 0)
        {
            return new LoopStatus(
                number,
                info.Device,
                info.Inode,
                ReadOnly: (info.Flags & ReadOnlyFlag) != 0,
                DirectIo: (info.Flags & DirectIoFlag) != 0,
                AutoClear: (info.Flags & AutoClearFlag) != 0)
            {
                BackingNumber = info.BackingNumber,
            };
        }

        return Marshal.GetLastPInvokeError() == Errno.NoDeviceOrAddress ? null : throw NativeException.Last("LOOP_GET_STATUS64", PathOf(number));
    }

    /// <summary>All devices whose backing file is the given inode.</summary>
    /// <remarks>
    /// Devices of others are told by sysfs and stat alone: opening one would hold up somebody's detaching it. The path that sysfs
    /// gives may be unknown here (another mount namespace, a removed file): then, and if it names our file, the device is asked itself.
    /// </remarks>
    public static IReadOnlyList<LoopStatus> FindAll(ulong device, ulong inode, string fileName)
    {
        var found = new List<LoopStatus>();
        foreach (var (number, backing) in BackingFiles())
        {
            if (IsAnotherFile(backing))
                continue;

            if (Find(number) is { } status && (status.BackingDevice, status.BackingInode) == (device, inode))
                found.Add(status);
        }

        return found;

        bool IsAnotherFile(string backing) =>
            !backing.Contains(fileName, StringComparison.Ordinal)
            && FileStatus.Find(backing) is { } other
            && (other.Device, other.Inode) != (device, inode);
    }

    /// <summary>All devices whose backing file is the block device with this number, by whatever name they were given it.</summary>
    public static IReadOnlyList<LoopStatus> FindAllOn(ulong deviceNumber)
    {
        var found = new List<LoopStatus>();
        foreach (var (number, backing) in BackingFiles())
        {
            // As above: only devices whose backing file is the one, or cannot be seen from here, are opened.
            if (FileStatus.FindFollowing(backing) is { } other && (!other.IsBlockDevice || other.DeviceNumber != deviceNumber))
                continue;
            if (Find(number) is { } status && status.BackingNumber == deviceNumber)
                found.Add(status);
        }

        return found;
    }

    /// <summary>Every device that has a backing file, with the path that sysfs gives of it.</summary>
    /// <remarks>
    /// /proc/partitions shows only devices that have a size, hence a file: a host keeps the nodes of all loop devices it ever had, and asking
    /// each of many hundreds costs more than a mkfs.
    /// </remarks>
    public static IEnumerable<(int Number, string Path)> BackingFiles()
    {
        foreach (var line in File.ReadLines("/proc/partitions"))
        {
            var name = line.AsSpan(line.LastIndexOf(' ') + 1);
            if (name.StartsWith("loop") && int.TryParse(name["loop".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && ReadSysfs($"{SysBlock}/loop{number.ToString(CultureInfo.InvariantCulture)}/loop/backing_file") is { } path)
            {
                yield return (number, path);
            }
        }
    }

    /// <summary>The device's number, as in <c>st_rdev</c>, and its size in bytes.</summary>
    public static (ulong DeviceNumber, long SizeBytes) Measure(int number)
    {
        using var device = NativeFile.Open(PathOf(number), NativeFile.ReadOnly);
        long size = 0;
        if (NativeFile.Control(device, DeviceSize, ref size) != 0)
            throw NativeException.Last("BLKGETSIZE64", PathOf(number));
        return (FileStatus.Of(device, PathOf(number)).DeviceNumber, size);
    }

    /// <summary>Takes over the present length of the backing file.</summary>
    public static void UpdateCapacity(int number) => Request(number, SetCapacity, "LOOP_SET_CAPACITY");

    /// <summary>Writes out and then forgets what the page cache holds of the device itself.</summary>
    public static void Flush(int number)
    {
        using var device = NativeFile.Open(PathOf(number), NativeFile.ReadOnly);
        RandomAccess.FlushToDisk(device);
        if (NativeFile.Control(device, FlushBuffers, 0) != 0)
            throw NativeException.Last("BLKFLSBUF", PathOf(number));
    }

    /// <summary>Writes out what the page cache holds of the device itself.</summary>
    public static void Sync(int number)
    {
        using var device = NativeFile.Open(PathOf(number), NativeFile.ReadOnly);
        RandomAccess.FlushToDisk(device);
    }

    /// <summary>Asks the device to let go of its file.</summary>
    /// <returns>False: it is mounted or claimed (by device mapper, say), and was left alone.</returns>
    /// <remarks>A device that others merely hold open goes when the last of them closes it (loop(4)): look afterwards.</remarks>
    public static bool TryClear(int number)
    {
        SafeFileHandle device;
        try
        {
            // Exclusive: refused while a mount or another driver claims it. LOOP_CLR_FD alone would succeed, lazily.
            device = NativeFile.Open(PathOf(number), NativeFile.ReadOnly | NativeFile.Exclusive);
        }
        catch (NativeException e) when (e.ErrorNumber is Errno.Busy)
        {
            return false;
        }
        catch (NativeException e) when (e.ErrorNumber is Errno.NoEntry or Errno.NoDeviceOrAddress or Errno.NoDevice)
        {
            return true;
        }

        using (device)
        {
            if (NativeFile.Control(device, ClearFile, 0) == 0)
                return true;
            return Marshal.GetLastPInvokeError() switch
            {
                Errno.NoDeviceOrAddress => true, // free already
                Errno.Busy => false,
                _ => throw NativeException.Last("LOOP_CLR_FD", PathOf(number)),
            };
        }
    }

    /// <summary>Takes back a pending <see cref="TryClear"/>.</summary>
    public static void KeepAttached(int number)
    {
        using var device = NativeFile.Open(PathOf(number), NativeFile.ReadOnly);
        var info = default(LoopInfo);
        if (NativeFile.Control(device, GetStatus, ref info) != 0)
            throw NativeException.Last("LOOP_GET_STATUS64", PathOf(number));
        info.Flags &= ~AutoClearFlag;
        if (NativeFile.Control(device, SetStatus, ref info) != 0)
            throw NativeException.Last("LOOP_SET_STATUS64", PathOf(number));
    }

    private static bool TryConfigure(int number, SafeFileHandle backing, string label, bool readOnly, out NativeException? taken)
    {
        taken = null;
        using var device = TryOpen(number, readOnly ? NativeFile.ReadOnly : NativeFile.ReadWrite);
        if (device is null)
        {
            taken = new NativeException($"open {PathOf(number)}", Errno.NoDeviceOrAddress);
            return false;
        }

        var config = new LoopConfig { File = (uint)backing.DangerousGetHandle(), BlockSize = SectorSize };
        config.Info.Flags = DirectIoFlag | (readOnly ? ReadOnlyFlag : 0);
        config.Info.SetFileName(label);
        if (NativeFile.Control(device, Configure, ref config) == 0)
            return true;

        taken = NativeException.Last("LOOP_CONFIGURE", PathOf(number));
        return taken.ErrorNumber is Errno.Busy or Errno.NoDeviceOrAddress or Errno.Interrupted ? false : throw taken;
    }

    /// <summary>Null where the device is not there, or is just being removed.</summary>
    private static SafeFileHandle? TryOpen(int number, int flags)
    {
        try
        {
            return NativeFile.Open(PathOf(number), flags);
        }
        catch (NativeException e) when (e.ErrorNumber is Errno.NoEntry)
        {
            // A container with a /dev of its own sees the kernel's new devices in sysfs only.
            return TryMakeNode(number) ? NativeFile.Open(PathOf(number), flags) : null;
        }
        catch (NativeException e) when (e.ErrorNumber is Errno.NoDeviceOrAddress or Errno.NoDevice or Errno.Busy)
        {
            return null;
        }
    }

    private static bool TryMakeNode(int number)
    {
        const uint BlockDeviceForOwner = 0x6000 | 0x180;

        var name = Path.GetFileName(PathOf(number));
        if (ReadSysfs(Path.Combine(SysBlock, name, "dev")) is not { } text || text.Split(':') is not [var major, var minor])
            return false;
        var device = FileStatus.MakeDevice(uint.Parse(major, CultureInfo.InvariantCulture), uint.Parse(minor, CultureInfo.InvariantCulture));
        if (Mknod(PathOf(number), BlockDeviceForOwner, device) == 0 || Marshal.GetLastPInvokeError() == Errno.Exists)
            return true;
        throw NativeException.Last("mknod", PathOf(number));
    }

    private static string? ReadSysfs(string path)
    {
        // Most devices may be unused: no exception for each of those.
        using var file = NativeFile.TryOpen(path, NativeFile.ReadOnly);
        if (file is null)
            return null;

        try
        {
            Span<byte> text = stackalloc byte[4096]; // sysfs gives a page at most
            return Encoding.UTF8.GetString(text[..RandomAccess.Read(file, text, 0)]).TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or NotSupportedException)
        {
            // The device went away, or lost its file, in between; the runtime then takes the open file for one that cannot seek.
            return null;
        }
    }

    private static void Request(int number, uint request, string name)
    {
        using var device = NativeFile.Open(PathOf(number), NativeFile.ReadOnly);
        if (NativeFile.Control(device, request, 0) != 0)
            throw NativeException.Last(name, PathOf(number));
    }

    [LibraryImport("libc", EntryPoint = "mknod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mknod(string path, uint mode, ulong device);

    // struct loop_info64
    [StructLayout(LayoutKind.Explicit, Size = 232)]
    private unsafe struct LoopInfo
    {
        private const int FileNameSize = 64;

        [FieldOffset(0)]
        public ulong Device;
        [FieldOffset(8)]
        public ulong Inode;
        [FieldOffset(16)]
        public ulong BackingNumber;
        [FieldOffset(52)]
        public uint Flags;
        [FieldOffset(56)]
        private fixed byte _fileName[FileNameSize];

        public void SetFileName(string text)
        {
            fixed (byte* name = _fileName)
                Encoding.UTF8.GetEncoder().Convert(text, new Span<byte>(name, FileNameSize - 1), flush: true, out _, out _, out _);
        }
    }

    // struct loop_config
    [StructLayout(LayoutKind.Explicit, Size = 304)]
    private struct LoopConfig
    {
        [FieldOffset(0)]
        public uint File;
        [FieldOffset(4)]
        public uint BlockSize;
        [FieldOffset(8)]
        public LoopInfo Info;
    }
}
