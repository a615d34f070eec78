using CsiLocal.Filesystems;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class PathRulesTests
{
    [Theory]
    [InlineData("/mnt")]
    [InlineData("/mnt/x")]
    [InlineData("/srv/data/x")]
    [InlineData("/run/csilocal/x")]
    [InlineData("/root/x")]
    [InlineData("/home/u/x")]
    [InlineData("/data")]
    [InlineData("/tmp/x")]
    [InlineData("/libx")]
    [InlineData("/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pvc-1/mount")]
    [InlineData("/var/lib/kubelet/plugins/kubernetes.io/csi/x/globalmount")]
    [InlineData("/opt/nomad/client/csi/node/x")]
    [InlineData("/mnt/ä ö/🙂")]
    public void Plain_paths_outside_system_folders_are_taken(string path)
    {
        PathRules.Check("target_path", path);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("mnt/x", "is not absolute")]
    [InlineData("./x", "is not absolute")]
    [InlineData("/mnt/../etc", "component")]
    [InlineData("/mnt/./x", "component")]
    [InlineData("/mnt//x", "component")]
    [InlineData("//mnt/x", "component")]
    [InlineData("/mnt/x/", "component")]
    [InlineData("/mnt/..", "component")]
    [InlineData("/mnt/a\0b", "control character")]
    [InlineData("/mnt/a\nb", "control character")]
    [InlineData("/mnt/a\u007fb", "control character")]
    [InlineData("/", "is a system folder")]
    [InlineData("/etc", "is a system folder")]
    [InlineData("/etc/x", "lies in the system folder /etc")]
    [InlineData("/usr/lib/x", "lies in the system folder /usr")]
    [InlineData("/dev/shm/x", "lies in the system folder /dev")]
    [InlineData("/proc/1/root/x", "lies in the system folder /proc")]
    [InlineData("/sys/x", "lies in the system folder /sys")]
    [InlineData("/lib64/x", "lies in the system folder /lib64")]
    [InlineData("/boot/x", "lies in the system folder /boot")]
    [InlineData("/bin", "is a system folder")]
    [InlineData("/sbin/x", "lies in the system folder /sbin")]
    [InlineData("/var/run/x", "lies in the system folder /var/run")]
    [InlineData("/run", "is a system folder")]
    [InlineData("/var", "is a system folder")]
    [InlineData("/var/lib", "is a system folder")]
    [InlineData("/root", "is a system folder")]
    [InlineData("/home", "is a system folder")]
    [InlineData("/tmp", "is a system folder")]
    public void Anything_else_is_refused_naming_the_field_and_the_fact(string path, string fact)
    {
        var e = Assert.Throws<StorageException>(() => PathRules.Check("target_path", path));

        Assert.Equal(StorageError.InvalidArgument, e.Error);
        Assert.StartsWith("target_path ", e.Message, StringComparison.Ordinal);
        Assert.Contains(fact, e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.Remedy);
    }

    [Fact]
    public void Half_of_a_surrogate_pair_is_refused()
    {
        Assert.Contains("Unicode", Assert.Throws<StorageException>(() => PathRules.Check("f", "/mnt/\ud800x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_paths_are_refused_in_a_short_message()
    {
        Assert.True(Assert.Throws<StorageException>(() => PathRules.Check("f", "/mnt/" + new string('x', 10_000))).Message.Length < 300);
        Assert.True(Assert.Throws<StorageException>(() => PathRules.Check("f", "/mnt/" + new string('x', 256))).Message.Length < 400);
        PathRules.Check("f", "/mnt/" + string.Join('/', Enumerable.Repeat(new string('x', 200), 20)));
    }
}
