using System.Text;

namespace CsiLocal.Configuration;

/// <summary>What single values must look like. Each rule answers what is wrong and what to write, or null.</summary>
internal static class OptionRules
{
    /// <summary>CSI 1.12, Topology: a key's prefix and a value have at most 63 characters.</summary>
    private const int MaxTopologyText = 63;

    /// <summary>The driver's topology key is <c>topology.NAME/node</c>, so this much of its prefix is taken.</summary>
    private const string TopologyPrefix = "topology.";

    /// <summary>CSI 1.12, NodeGetInfoResponse.node_id.</summary>
    private const int MaxNodeIdBytes = 256;

    /// <summary>unix(7): sun_path has 108 bytes, one of them the NUL at its end.</summary>
    private const int MaxSocketPathBytes = 107;

    private const int MaxPoolName = 63;

    /// <summary>CSI 1.12, GetPluginInfoResponse.name (domain name notation), and what our topology key leaves of it.</summary>
    public static string? DriverName(string name)
    {
        var maxLength = MaxTopologyText - TopologyPrefix.Length;
        if (name.Length > maxLength)
            return $"{name.Length} characters; at most {maxLength} fit into the topology key {TopologyPrefix}NAME/node";
        return name.Split('.').All(IsDomainLabel)
            ? null
            : $"{OptionText.Quote(name)} is not a domain name in lower case; write one such as {DriverOptions.DefaultDriverName}";
    }

    /// <summary>CSI 1.12: node ids, and topology values, of which the node id is one.</summary>
    public static string? NodeId(string id)
    {
        if (id.Length == 0)
            return "is empty; give a name that no other node has";
        if (Encoding.UTF8.GetByteCount(id) is var bytes and > MaxNodeIdBytes)
            return $"{bytes} bytes long; at most {MaxNodeIdBytes} are allowed";
        if (id.Any(char.IsControl))
            return $"{OptionText.Quote(id)} contains control characters";
        var fits = id.Length <= MaxTopologyText
            && char.IsAsciiLetterOrDigit(id[0])
            && char.IsAsciiLetterOrDigit(id[^1])
            && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        return fits
            ? null
            : $"{OptionText.Quote(id)} cannot be a topology value; write at most {MaxTopologyText} letters, digits, '-', '_' and '.', "
                + "beginning and ending with a letter or digit";
    }

    public static string? PoolName(string name)
    {
        var fits = name.Length is > 0 and <= MaxPoolName
            && name[0] != '-'
            && name[^1] != '-'
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
        return fits
            ? null
            : $"{OptionText.Quote(name)} is not a pool name; write at most {MaxPoolName} lower-case letters, digits and inner dashes";
    }

    /// <summary>An absolute path that says where it leads: no <c>..</c>, no control characters.</summary>
    public static string? AbsolutePath(string path)
    {
        if (!path.StartsWith('/'))
            return $"{OptionText.Quote(path)} is a relative path; write it from the root, beginning with '/'";
        if (path.Any(char.IsControl))
            return $"{OptionText.Quote(path)} contains control characters";
        return path.Split('/').Contains("..") ? $"{OptionText.Quote(path)} contains '..'; write the path without it" : null;
    }

    /// <summary>As <see cref="AbsolutePath"/>, and not the root itself, which holds everything else, too.</summary>
    public static string? PoolPath(string path) =>
        AbsolutePath(path)
        ?? (NormalizePath(path) == "/" ? "'/' is the root of the system; give the pool a folder of its own" : null);

    /// <summary><c>unix:///absolute/path</c> of a socket.</summary>
    public static string? Endpoint(string endpoint)
    {
        if (!endpoint.StartsWith(DriverOptions.EndpointScheme, StringComparison.Ordinal))
            return $"{OptionText.Quote(endpoint)} is not a Unix socket; write unix:///absolute/path.sock";
        var path = endpoint[DriverOptions.EndpointScheme.Length..];
        if (AbsolutePath(path) is { } problem)
            return $"{problem}, after unix://";
        if (path.EndsWith('/'))
            return $"{OptionText.Quote(endpoint)} names a folder; add the name of the socket";
        var bytes = Encoding.UTF8.GetByteCount(path);
        return bytes > MaxSocketPathBytes
            ? $"the socket's path is {bytes} bytes long; the system allows {MaxSocketPathBytes}, choose a shorter one"
            : null;
    }

    public static string? Mode(string mode) => mode switch
    {
        "all" => null,
        "node" or "controller" => $"'{mode}' is not available in this version; write all",
        _ => $"{OptionText.Quote(mode)} is not a mode; write all",
    };

    public static string? HostTools(string source) => source is "own" or "nsenter"
        ? null
        : $"{OptionText.Quote(source)} is not known; write own (the lvm beside the daemon) or nsenter (the host's, from a container)";

    /// <summary>Without doubled slashes, <c>.</c> parts and a slash at the end.</summary>
    public static string NormalizePath(string path) =>
        "/" + string.Join('/', path.Split('/').Where(part => part.Length > 0 && part != "."));

    /// <summary>True where <paramref name="path"/> is <paramref name="folder"/> or lies in it. Both normalised.</summary>
    public static bool IsWithin(string path, string folder) =>
        path == folder || folder == "/" || path.StartsWith(folder + "/", StringComparison.Ordinal);

    private static bool IsDomainLabel(string label) =>
        label.Length > 0
        && label[0] != '-'
        && label[^1] != '-'
        && label.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
