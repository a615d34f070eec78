namespace CsiLocal.Tests.Support;

/// <summary>A file system of its own, in a sparse file, mounted in a temporary folder; all of it gone afterwards.</summary>
public class LoopFilesystem : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public LoopFilesystem(string type, long sizeMiB)
    {
        var image = _folder.Combine("disk");
        using (var file = File.Create(image))
            file.SetLength(sizeMiB << 20);
        Directory.CreateDirectory(Path);
        HostCommand.Run($"mkfs.{type}", "-q", image);

        // mount frees the loop device itself at umount.
        HostCommand.Run("mount", "-t", type, "-o", "loop", image, Path);
    }

    /// <summary>Where it is mounted.</summary>
    public string Path => _folder.Combine("mnt");

    public void Dispose()
    {
        HostCommand.Run("umount", Path);
        GC.SuppressFinalize(this);
        _folder.Dispose();
    }
}
