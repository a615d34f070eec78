namespace CsiLocal.Tests.Support;

/// <summary>What the tests run on: a host, whose kernel may lack much, or the microVM of scripts/vm.</summary>
internal static class Machine
{
    /// <summary>In the microVM: a kernel with device-mapper and quotas, real LVM, blank disks.</summary>
    public static bool IsVm { get; } = Environment.GetEnvironmentVariable("CSILOCAL_VM") == "1";

    /// <summary>The microVM's blank disks.</summary>
    public static IReadOnlyList<string> Disks { get; } =
        Environment.GetEnvironmentVariable("CSILOCAL_VM_DISKS")?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? [];
}
