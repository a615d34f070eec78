using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>The first probe of the format interlock: blkid's low-level probe, which reads the device and no cache.</summary>
internal sealed class SignatureProbe(ICommandRunner commands)
{
    /// <exception cref="ToolException">blkid is missing or hung.</exception>
    public async Task<ProbeResult> ProbeAsync(string device, CancellationToken cancellationToken) =>
        Read(await commands.RunAsync(new ToolCommand("blkid", "-p", "-o", "export", device), cancellationToken));

    /// <summary>Makes sense of blkid's answer.</summary>
    /// <seealso href="https://man7.org/linux/man-pages/man8/blkid.8.html">EXIT STATUS: 0 found, 2 nothing found or nothing to be gathered, 4 usage or other error, 8 ambivalent</seealso>
    internal static ProbeResult Read(ToolOutput output)
    {
        // 2 also stands for a device that could not be opened or read; only then does blkid say something.
        if (output.ExitCode == 2)
            return output.StandardError.Length == 0 && output.StandardOutput.Length == 0 ? new ProbeResult.Blank() : Unreadable(output);
        if (output.ExitCode != 0)
            return Unreadable(output);

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in output.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                values[line[..equals]] = line[(equals + 1)..];
        }

        return values.TryGetValue("TYPE", out var type)
            ? ToResult(type, values)
            : new ProbeResult.OtherSignature(values.TryGetValue("PTTYPE", out var table) ? $"a {table} partition table" : output.StandardOutput.Replace('\n', ' ').Trim());
    }

    private static ProbeResult ToResult(string type, Dictionary<string, string> values)
    {
        FilesystemType? known = type switch
        {
            "ext4" => FilesystemType.Ext4,
            "xfs" => FilesystemType.Xfs,
            "btrfs" => FilesystemType.Btrfs,
            _ => null,
        };
        if (known is null)
            return new ProbeResult.OtherSignature($"{type} ({values.GetValueOrDefault("USAGE", "unknown use")})");

        return new ProbeResult.Filesystem(
            known.Value,
            Guid.TryParse(values.GetValueOrDefault("UUID"), out var uuid) ? uuid : null,
            values.GetValueOrDefault("LABEL"));
    }

    private static ProbeResult.Unreadable Unreadable(ToolOutput output) => new($"blkid: {output.Summary}");
}
