using CsiLocal.Native;

namespace CsiLocal.Backends.Directories;

/// <summary>Why <c>quota: auto</c> cannot be had from a file system, and what would have to change.</summary>
internal sealed record QuotaRefusal(string Fact, string Remedy)
{
    private const string OtherWays = "or use backend 'image', a btrfs pool, or ask for no limits with 'quota: none'";

    /// <summary>xfs and ext4. Null: limits are counted and enforced.</summary>
    /// <param name="filesystem">"xfs" or "ext4".</param>
    /// <param name="state">What the kernel says of the mounted file system.</param>
    /// <param name="kernelHas">Whether the kernel was built with an option; null where that cannot be told.</param>
    public static QuotaRefusal? ForProjects(string filesystem, ProjectQuotaState state, Func<string, bool?> kernelHas)
    {
        if (state is { Accounting: true, Enforcing: true })
            return null;

        // Without these no mount option helps: xfs says "quota support not available in this kernel", ext4 "The kernel was not
        // built with CONFIG_QUOTA and CONFIG_QFMT_V2" (seen on 6.18), and both refuse the mount.
        var option = filesystem == "xfs" ? "CONFIG_XFS_QUOTA" : "CONFIG_QFMT_V2";
        if (!state.Accounting && kernelHas(option) == false)
        {
            return new QuotaRefusal(
                $"quota: auto needs project quotas, and this kernel was built without {option}",
                $"boot a kernel that has it (Debian's has), {OtherWays}");
        }

        var built = state.Accounting || kernelHas(option) == true ? "" : $"; a kernel without {option} or older than Linux 5.14 cannot do it";
        return (filesystem, state.Accounting) switch
        {
            ("xfs", false) => new QuotaRefusal(
                "quota: auto needs project quotas, and xfs is mounted without them",
                $"unmount it and mount it with '-o prjquota' (no remount; the root file system: boot with rootflags=prjquota){built}, {OtherWays}"),
            ("xfs", true) => new QuotaRefusal(
                "quota: auto needs enforced project quotas, and xfs only counts (mounted with pqnoenforce)",
                $"unmount it and mount it with '-o prjquota', {OtherWays}"),
            (_, false) => new QuotaRefusal(
                "quota: auto needs project quotas, and this ext4 file system has none",
                $"unmount it, 'tune2fs -O project,quota DEVICE', and mount it with '-o prjquota'{built}, {OtherWays}"),
            (_, true) => new QuotaRefusal(
                "quota: auto needs enforced project quotas, and ext4 only counts (mounted without prjquota)",
                $"unmount it and mount it with '-o prjquota', {OtherWays}"),
        };
    }

    /// <summary>btrfs. Null: full quota groups are on.</summary>
    public static QuotaRefusal? ForGroups(string poolPath, bool isOn, string mode)
    {
        // Switched on by the administrator, never by us: it has every extent of the whole file system counted, and slows all its users.
        if (!isOn)
        {
            return new QuotaRefusal(
                "quota: auto needs quota groups, and they are off on this btrfs file system",
                $"'btrfs quota enable {poolPath}', or ask for no limits with 'quota: none'");
        }

        // Simple quotas charge shared data to its first owner only: a clone would hold its size and its source's as well.
        return mode == "qgroup" ? null : new QuotaRefusal(
            $"quota: auto needs full quota groups, and this btrfs file system has mode '{mode}', which does not count shared data",
            $"'btrfs quota disable {poolPath}' and 'btrfs quota enable {poolPath}', or ask for no limits with 'quota: none'");
    }
}
