namespace CsiLocal.Tests.Support;

/// <summary>A file system of its own, in a sparse file, mounted in a temporary folder; all of it gone afterwards.</summary>
public class LoopFilesystem : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public LoopFilesystem(string type, long sizeMiB)
        : this(type, sizeMiB, [], "")
    {
    }

    /// <param name="type">ext4, xfs, btrfs.</param>
    /// <param name="sizeMiB">Of the sparse file.</param>
    /// <param name="mkfsOptions">For mkfs.</param>
    /// <param name="mountOptions">With commas between them.</param>
    internal LoopFilesystem(string type, long sizeMiB, IReadOnlyList<string> mkfsOptions, string mountOptions)
    {
        var image = _folder.Combine("disk");
        using (var file = File.Create(image))
            file.SetLength(sizeMiB << 20);
        Directory.CreateDirectory(Path);
        HostCommand.Run($"mkfs.{type}", ["-q", .. mkfsOptions, image]);

        // mount frees the loop device itself at umount.
        HostCommand.Run("mount", "-t", type, "-o", mountOptions.Length == 0 ? "loop" : $"loop,{mountOptions}", image, Path);
    }

    /// <summary>Where it is mounted.</summary>
    public string Path => _folder.Combine("mnt");

    public void Dispose()
    {
        HostCommand.Unmount(Path);
        GC.SuppressFinalize(this);
        _folder.Dispose();
    }
}
