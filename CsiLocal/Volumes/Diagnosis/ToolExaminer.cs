using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tools;

namespace CsiLocal.Volumes.Diagnosis;

/// <summary>Whether the programs that the pools run are there, and which versions they are.</summary>
internal sealed class ToolExaminer(HostFiles files, ICommandRunner commands)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>--devices came with it (lvmdevices(8)).</summary>
    private static readonly Version LeastLvm = new(2, 3, 12);

    public async Task<IReadOnlyList<Finding>> ExamineAsync(
        IReadOnlyList<PoolOptions> pools, HostToolsSource hostTools, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        var prefix = hostTools == HostToolsSource.Nsenter ? HostNamespaces.Prefix : [];
        foreach (var (tool, missing) in NeededBy(pools).Values)
        {
            // Those of the host are found by the host's own search path, by running them.
            var isHosts = tool.Package is "lvm2" or "thin-provisioning-tools";
            findings.Add(await ExamineAsync(tool, missing, isHosts ? prefix : [], cancellationToken));
        }

        return findings;
    }

    /// <summary>Each program once, with what it means that it is missing: the default file system and what pools run is needed, the rest may never be asked for.</summary>
    private static Dictionary<string, Needed> NeededBy(IReadOnlyList<PoolOptions> pools)
    {
        var needed = new Dictionary<string, Needed>(StringComparer.Ordinal);
        var ownFilesystems = pools.Count == 0 || pools.Any(static pool => pool.Backend != BackendKind.Directory);
        foreach (var pool in pools)
            Add(HostTools.ForPool(pool.Backend, FilesystemOf(pool)), Severity.Error);
        if (ownFilesystems)
        {
            Add(HostTools.ForFilesystem(FilesystemType.Ext4), pools.Count == 0 ? Severity.Warning : Severity.Error);
            Add(HostTools.ForFilesystem(FilesystemType.Xfs), Severity.Warning);
            Add(HostTools.ForFilesystem(FilesystemType.Btrfs), Severity.Warning);
        }

        return needed;

        void Add(IReadOnlyList<HostTool> tools, Severity severity)
        {
            foreach (var tool in tools)
                needed.TryAdd(tool.Program, new Needed(tool, severity));
        }
    }

    private static string FilesystemOf(PoolOptions pool)
    {
        try
        {
            return pool.Path.Length > 0 ? FilesystemStatus.Of(pool.Path).PoolFilesystemName ?? "" : "";
        }
        catch (NativeException)
        {
            // The pool is not there: that is told where pools are looked at.
            return "";
        }
    }

    private async Task<Finding> ExamineAsync(HostTool tool, Severity missing, IReadOnlyList<string> prefix, CancellationToken cancellationToken)
    {
        var path = prefix.Count > 0 ? "the host's" : files.FindProgram(tool.Program);
        if (path is null)
            return new Finding(FindingCodes.Tool, missing, tool.Program, $"not found in {SearchPath.Text}", $"apt-get install {tool.Package}");
        if (VersionArguments(tool.Program) is not { } arguments)
            return Finding.Ok(FindingCodes.Tool, tool.Program, path);

        List<string> line = [.. prefix, tool.Program, .. arguments];
        var command = new ToolCommand(line[0], line.GetRange(1, line.Count - 1)) { Timeout = Patience };
        try
        {
            var output = await commands.RunAsync(command, cancellationToken);
            var text = output.StandardOutput + output.StandardError;
            if (!output.Succeeded)
                return new Finding(FindingCodes.Tool, missing, tool.Program, $"{path}: {output.Summary}", $"see why '{command}' fails; reinstall {tool.Package}");
            var version = VersionText.Find(text);
            return tool.Program == "lvm" && version is not null && version < LeastLvm
                ? Finding.Error(FindingCodes.Tool, tool.Program, $"{path}, version {version}", "upgrade lvm2: 2.03.12 or newer is needed")
                : Finding.Ok(FindingCodes.Tool, tool.Program, version is null ? path : $"{path}, version {version}");
        }
        catch (ToolException e)
        {
            return new Finding(FindingCodes.Tool, missing, tool.Program, e.Message, $"see why '{command}' does not end; reinstall {tool.Package}");
        }
    }

    /// <summary>How a program is asked for its version; null: it is told by another of the same package.</summary>
    private static string[]? VersionArguments(string program) => program switch
    {
        "mkfs.ext4" or "mkfs.xfs" or "thin_check" or "blkid" => ["-V"],
        "btrfs" or "mount" => ["--version"],
        "lvm" => ["version"],
        _ => null,
    };

    private sealed record Needed(HostTool Tool, Severity Missing);
}
