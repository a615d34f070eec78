using System.IO.Compression;

namespace CsiLocal.Backends.Directories;

/// <summary>Whether the running kernel was built with an option: errno cannot tell "not built in" from "not switched on".</summary>
internal static class KernelConfig
{
    /// <summary>Null where the kernel's configuration is nowhere to be read, as in most containers.</summary>
    public static bool? Has(string option)
    {
        try
        {
            return Text() is { } text ? Has(text, option) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static bool Has(string config, string option)
    {
        foreach (var line in config.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(option) && line[option.Length..] is "=y" or "=m")
                return true;
        }

        return false;
    }

    private static string? Text()
    {
        if (File.Exists("/proc/config.gz"))
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead("/proc/config.gz"), CompressionMode.Decompress));
            return reader.ReadToEnd();
        }

        var path = $"/boot/config-{File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}";
        return File.Exists(path) ? File.ReadAllText(path) : null;
    }
}
