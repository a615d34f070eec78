using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Tools;

public sealed class HostNamespacesTests
{
    [Theory]
    [InlineData(null, "mnt:[1]", "mnt:[2]", "nsenter not found in /usr/local/sbin", "apt-get install util-linux")]
    [InlineData("/usr/bin/nsenter", null, "mnt:[2]", "/proc/1/ns/mnt cannot be read", "run the container privileged")]
    [InlineData("/usr/bin/nsenter", "mnt:[2]", "mnt:[2]", "process 1 has this daemon's own file system", "hostPID: true")]
    public void What_keeps_from_running_the_hosts_programs_is_told_with_its_remedy(
        string? program, string? hosts, string? own, string fact, string remedy)
    {
        var e = Assert.Throws<StorageException>(() => HostNamespaces.Require(program, hosts, own));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.StartsWith($"host-tools nsenter: {fact}", e.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_container_that_sees_the_hosts_first_process_may_run_its_programs() =>
        HostNamespaces.Require("/usr/bin/nsenter", "mnt:[1]", "mnt:[2]");
}
