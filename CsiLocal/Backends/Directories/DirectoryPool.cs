using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Directories;

/// <summary>What a pool's file system offers and its configuration asks for: how directories are kept there, and how limited.</summary>
internal sealed record DirectoryPool(IDirectoryTree Tree, IDirectoryQuota Quota, string FilesystemName)
{
    public BackendFeatures Features => new()
    {
        Block = false,
        OwnFilesystem = false,
        InstantCopy = Tree.CopiesInstantly,
        SnapshotWhileMounted = Tree.CopiesInstantly,
        HardLimit = Quota.IsHard,
        NeedsProjectId = Quota.NeedsProjectId,
        // Without a count nobody can say that what is there fits into less.
        Shrink = Quota.IsHard,
    };

    /// <summary>Looks at the file system, without changing it.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.Unavailable"/>: it cannot do what is asked, and the remedy.</exception>
    public static DirectoryPool Probe(PoolOptions options, PoolFacts facts, DirectoryCommands commands)
    {
        using var folder = DirectoryDescriptor.Open(options.Path);
        if (facts.FilesystemName == "btrfs")
            return ProbeBtrfs(options, folder, commands);

        foreach (var tool in (string[])["cp", "rm", "sync"])
            RequireTool(options, tool, "coreutils");
        var device = FileStatus.Find(options.Path)?.Device ?? throw Refuse(options, $"{options.Path} vanished", "see who removes it");
        var tree = new PlainTree(commands, device);
        if (options.Quota == QuotaMode.None)
            return new DirectoryPool(tree, new NoQuota(), facts.FilesystemName);

        if (QuotaRefusal.ForProjects(facts.FilesystemName, ProjectQuotaControl.ReadState(folder), KernelConfig.Has) is { } refusal)
            throw Refuse(options, refusal.Fact, refusal.Remedy);
        return new DirectoryPool(tree, new ProjectQuota(options.Path), facts.FilesystemName);
    }

    private static DirectoryPool ProbeBtrfs(PoolOptions options, DirectoryDescriptor folder, DirectoryCommands commands)
    {
        RequireTool(options, "btrfs", "btrfs-progs");
        var filesystem = BtrfsControl.FilesystemId(folder);
        var tree = new SubvolumeTree(commands, filesystem, options.Path);
        if (options.Quota == QuotaMode.None)
            return new DirectoryPool(tree, new NoQuota(), "btrfs");

        var groups = QuotaGroupFolder.Of(filesystem);
        if (QuotaRefusal.ForGroups(options.Path, groups.IsOn, groups.Mode) is { } refusal)
            throw Refuse(options, refusal.Fact, refusal.Remedy);
        return new DirectoryPool(tree, new BtrfsQuota(commands, groups, options.Path), "btrfs");
    }

    private static void RequireTool(PoolOptions options, string tool, string package)
    {
        if (SearchPath.Find(tool) is null)
            throw Refuse(options, $"{tool} is not installed", $"apt-get install {package}");
    }

    private static StorageException Refuse(PoolOptions options, string fact, string remedy) =>
        new(StorageError.Unavailable, $"pool {options.Name}: {fact}", remedy);
}
