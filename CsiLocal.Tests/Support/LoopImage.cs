using CsiLocal.Native;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Support;

/// <summary>A file system in a sparse file behind a loop device, mounted on demand; all of it gone afterwards.</summary>
internal sealed class LoopImage : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _file;
    private bool _mounted;

    /// <summary>A fresh one.</summary>
    public LoopImage(FilesystemType type, long sizeMiB, params string[] options)
        : this(type)
    {
        using (var file = File.Create(_file))
            file.SetLength(sizeMiB << 20);
        HostCommand.Run($"mkfs.{TypeName}", ["-q", .. options, _file]);
        Attach();
    }

    private LoopImage(FilesystemType type)
    {
        Type = type;
        _file = _folder.Combine("disk");
        Directory.CreateDirectory(Path);
    }

    public FilesystemType Type { get; }

    /// <summary>Where <see cref="Mount"/> mounts it.</summary>
    public string Path => _folder.Combine("mnt");

    public string Device { get; private set; } = "";

    public Attachment Attachment
    {
        get
        {
            var (number, size) = LoopDevices.Measure(int.Parse(Device["/dev/loop".Length..], System.Globalization.CultureInfo.InvariantCulture));
            return new Attachment(Device, IsBlockDevice: true, number, size);
        }
    }

    private string TypeName => Type.ToString().ToLowerInvariant();

    /// <summary>Byte for byte, as it is now, behind a device of its own.</summary>
    public LoopImage Copy()
    {
        var copy = new LoopImage(Type);
        HostCommand.Run("cp", "--sparse=always", _file, copy._file);
        copy.Attach();
        return copy;
    }

    public void Mount(params string[] options)
    {
        HostCommand.Run("mount", ["-t", TypeName, .. options, Device, Path]);
        _mounted = true;
    }

    public void Unmount()
    {
        HostCommand.Unmount(Path);
        _mounted = false;
    }

    public void Grow(long sizeMiB)
    {
        using (var file = File.OpenWrite(_file))
            file.SetLength(sizeMiB << 20);
        HostCommand.Run("losetup", "-c", Device);
    }

    public byte[] Read(long offset, int count)
    {
        using var device = File.OpenHandle(Device, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[count];
        Assert.Equal(count, RandomAccess.Read(device, bytes, offset));
        return bytes;
    }

    /// <summary>Changes bytes of the device behind the file system's back.</summary>
    public void Overwrite(long offset, params byte[] bytes)
    {
        using var device = File.OpenHandle(Device, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.Write(device, bytes, offset);
        RandomAccess.FlushToDisk(device);
    }

    public void Dispose()
    {
        if (_mounted)
            Unmount();
        if (Device.Length > 0)
            HostCommand.Run("losetup", "-d", Device);
        _folder.Dispose();
    }

    private void Attach() => Device = HostCommand.Run("losetup", "-f", "--show", _file).Trim();
}
