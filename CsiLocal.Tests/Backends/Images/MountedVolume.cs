using System.Security.Cryptography;
using CsiLocal.Backends;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

/// <summary>A formatted volume, mounted by the host's own tools.</summary>
internal sealed class MountedVolume : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string Path => _folder.Path;

    public static async Task<MountedVolume> MountAsync(IStorageBackend backend, VolumeRecord volume)
    {
        var attachment = await backend.AttachAsync(volume, readOnly: false, TestContext.Current.CancellationToken);
        var mounted = new MountedVolume();

        // nouuid: a copy carries its source's UUID, which xfs refuses to mount twice.
        HostCommand.Run(
            "mount",
            [.. volume.Filesystem == FilesystemType.Xfs ? (string[])["-o", "nouuid"] : [], attachment.Path, mounted.Path]);
        return mounted;
    }

    public string WriteFile(string name, long bytes)
    {
        var content = RandomNumberGenerator.GetBytes((int)bytes);
        File.WriteAllBytes(_folder.Combine(name), content);
        return Convert.ToHexString(SHA256.HashData(content));
    }

    public string Checksum(string name) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder.Combine(name))));

    public void Dispose()
    {
        HostCommand.Unmount(Path);
        _folder.Dispose();
    }
}
