using CsiLocal.Backends;
using CsiLocal.Backends.Directories;
using CsiLocal.Configuration;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tools;

namespace CsiLocal.Volumes.Diagnosis;

/// <summary>Whether the file system of a directory pool enforces limits: by what the kernel says, beside the mount's options.</summary>
internal static class QuotaCheck
{
    public static Finding Examine(PoolOptions pool, ICommandRunner commands)
    {
        try
        {
            var filesystem = FilesystemStatus.Of(pool.Path).PoolFilesystemName
                ?? throw new StorageException(StorageError.Unavailable, $"{pool.Path} is on neither ext4, xfs nor btrfs", "move the pool");
            DirectoryPool.Probe(pool, new PoolFacts("", filesystem), new DirectoryCommands(commands));
            return Finding.Ok(FindingCodes.Quota, pool.Name, $"limits are enforced at {pool.Path}{Options(pool.Path)}");
        }
        catch (StorageException e)
        {
            return Finding.Error(
                FindingCodes.Quota, pool.Name, $"{e.Message}{Options(pool.Path)}", e.Remedy ?? "see the options of the mount");
        }
        catch (IOException e)
        {
            return Finding.Error(FindingCodes.Quota, pool.Name, e.Message, $"mount what belongs at {pool.Path}");
        }
    }

    private static string Options(string path) =>
        MountTable.Read().FindContaining(path) is { } mount ? $" ({mount.Filesystem} at {mount.Path}, {mount.SuperOptions})" : "";
}
