namespace CsiLocal.Diagnostics;

/// <summary>What this build is.</summary>
internal static class BuildInfo
{
    /// <summary>The version as in the project file, e.g. "0.1.0".</summary>
    public static string Version { get; } = typeof(BuildInfo).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
}
