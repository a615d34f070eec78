using System.Globalization;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Support;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>The content of logical volumes: a sparse file each, with a loop device before it while the volume is active.</summary>
/// <remarks>
/// The blocks of a new thick volume hold what was there before, as on a disk: the content of the volume that was removed last, or a pattern
/// in each mebibyte. Those of a thin one read as zeros.
/// </remarks>
internal sealed class EmulatedContent : IDisposable
{
    private const byte OldByte = 0xA5;
    private const int Step = 1 << 20;

    private readonly TemporaryFolder _folder = new();
    private string? _removed;

    public string NewBlank(long sizeBytes)
    {
        var path = NewPath();
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        RandomAccess.SetLength(file, sizeBytes);
        return path;
    }

    public string NewWithOldBytes(long sizeBytes)
    {
        var path = _removed ?? NewPath();
        _removed = null;
        using var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        var length = RandomAccess.GetLength(file);
        RandomAccess.SetLength(file, sizeBytes);
        Soil(file, length, sizeBytes);
        return path;
    }

    /// <summary>A copy as it is at one moment: frozen where it is mounted, as device-mapper does.</summary>
    public string Copy(EmulatedVolume source)
    {
        var path = NewPath();
        using (new FrozenVolume(source))
            HostCommand.Run("cp", "--reflink=auto", "--sparse=auto", source.File!, path);
        return path;
    }

    /// <summary>Grows the file, and the device before it. New blocks of a thick volume hold old bytes, too.</summary>
    public static void Grow(EmulatedVolume volume, long sizeBytes)
    {
        using (var file = File.OpenHandle(volume.File!, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            var length = RandomAccess.GetLength(file);
            RandomAccess.SetLength(file, sizeBytes);
            if (!volume.IsThin)
                Soil(file, length, sizeBytes);
        }

        if (volume.Loop is { } loop)
            LoopDevices.UpdateCapacity(loop);
    }

    public static long AllocatedBytes(EmulatedVolume volume) => volume.File is { } path ? FileStatus.Find(path)?.AllocatedBytes ?? 0 : 0;

    /// <summary>Puts a loop device before the file.</summary>
    public static void Activate(EmulatedVolume volume)
    {
        if (!volume.IsActive && volume.File is { } path)
        {
            using var file = NativeFile.Open(path, NativeFile.ReadWrite);
            volume.Loop = LoopDevices.Attach(file, volume.Name, readOnly: false).Number;
        }

        volume.IsActive = true;
    }

    /// <returns>False: it is in use.</returns>
    public static bool TryDeactivate(EmulatedVolume volume)
    {
        if (volume.Loop is { } loop)
        {
            LoopDevices.Flush(loop);
            if (DeviceUsers.Count(loop) > 0)
                return false;

            // Nobody of ours has it open. Whoever lists the host's loop devices (losetup) opens each of them for an instant.
            if (!SpinWait.SpinUntil(() => LoopDevices.TryClear(loop), TimeSpan.FromSeconds(2)))
                return false;
        }

        (volume.IsActive, volume.Loop) = (false, null);
        return true;
    }

    /// <summary>lvcreate --zero y --wipesignatures y: the first 4 KiB, and what blkid knows.</summary>
    public static string Wipe(EmulatedVolume volume, bool zero, bool signatures)
    {
        var device = LoopDevices.PathOf(volume.Loop!.Value);
        var found = "";
        if (signatures)
        {
            foreach (var line in HostCommand.Run("wipefs", "--all", "--force", device).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                found += $"  Wiping signature: {line}\n";
        }

        if (zero)
        {
            using var file = File.OpenHandle(device, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            RandomAccess.Write(file, new byte[4096], 0);
            RandomAccess.FlushToDisk(file);
        }

        return found;
    }

    /// <summary>Gives up an inactive volume's content: the next thick volume may read it.</summary>
    public void Remove(EmulatedVolume volume)
    {
        if (volume.File is not { } path)
            return;

        // What a thin volume held stays in its pool, and the pool zeroes what it gives out.
        if (volume.IsThin)
        {
            File.Delete(path);
            return;
        }

        if (_removed is not null)
            File.Delete(_removed);
        _removed = path;
    }

    public void Dispose() => _folder.Dispose();

    private string NewPath() => _folder.Combine(Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture));

    private static void Soil(Microsoft.Win32.SafeHandles.SafeFileHandle file, long from, long to)
    {
        var old = new byte[4096];
        Array.Fill(old, OldByte);

        // Where superblocks lie, and at another place in each mebibyte.
        foreach (var at in new[] { 0L, 4096, 32 << 10, 64 << 10 })
            Write(at);
        for (var at = from / Step * Step; at < to; at += Step)
            Write(at + (at / Step * 4096 % Step));
        Write((to - 4096) / 4096 * 4096);

        void Write(long at)
        {
            if (at >= from && at + old.Length <= to)
                RandomAccess.Write(file, old, at);
        }
    }

    /// <summary>What suspending a device does: the file system on it is frozen (but btrfs, which the kernel does not find by its device), what is not written yet is written.</summary>
    private sealed class FrozenVolume : IDisposable
    {
        private readonly string? _path;

        public FrozenVolume(EmulatedVolume volume)
        {
            if (volume.Loop is not { } loop)
                return;
            _path = MountTable.Read().OfDevice(LoopDevices.Measure(loop).DeviceNumber) is [{ Filesystem: not "btrfs" } mount, ..] ? mount.Path : null;
            if (_path is not null)
                HostCommand.Run("fsfreeze", "--freeze", _path);
            LoopDevices.Sync(loop);
        }

        public void Dispose()
        {
            if (_path is not null)
                HostCommand.Run("fsfreeze", "--unfreeze", _path);
        }
    }
}
