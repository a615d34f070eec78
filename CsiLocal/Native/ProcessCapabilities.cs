using System.Globalization;

namespace CsiLocal.Native;

/// <summary>What this process may do (capabilities(7)). Fixed for its life: the driver never drops any.</summary>
internal static class ProcessCapabilities
{
    /// <summary>CAP_SYS_RESOURCE, linux/capability.h.</summary>
    public const int SysResource = 24;

    private static readonly ulong Effective = Read();

    public static bool Has(int capability) => (Effective & (1UL << capability)) != 0;

    private static ulong Read()
    {
        var line = File.ReadLines("/proc/self/status").First(static line => line.StartsWith("CapEff:", StringComparison.Ordinal));
        return ulong.Parse(line.AsSpan("CapEff:".Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
