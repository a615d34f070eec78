using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Volumes;

public sealed class ForeignSourceTests
{
    private const string Uuid = "0e0a8a2c-6a52-4cf0-9a55-0123456789ab";

    [Theory]
    [InlineData("vg/lv", "vg", "lv", "vg/lv")]
    [InlineData("/dev/vg/lv", "vg", "lv", "vg/lv")]
    [InlineData("/dev/mapper/vg-lv", "vg", "lv", "vg/lv")]
    [InlineData("/dev/mapper/my--vg-pvc--1--2", "my-vg", "pvc-1-2", "my-vg/pvc-1-2")]
    [InlineData("/srv/disk.img", null, "disk.img", "/srv/disk.img")]
    [InlineData("/opt/local-path-provisioner/x_y_z/", null, "x_y_z", "/opt/local-path-provisioner/x_y_z")]
    public void Each_way_to_name_a_thing_means_the_same_thing(string text, string? group, string name, string expected) =>
        Assert.Equal(new ForeignSource(group, name, expected), ForeignSource.Parse(text));

    [Theory]
    [InlineData("lv")]
    [InlineData("vg/")]
    [InlineData("vg/lv/more")]
    [InlineData("vg/-o")]
    [InlineData("vg/a b")]
    [InlineData("/dev/sdb")]
    [InlineData("/dev/disk/by-id/x")]
    [InlineData("/dev/mapper/cryptroot")]
    [InlineData("/srv/../etc/x")]
    [InlineData("/etc/x")]
    [InlineData("/")]
    [InlineData("relative/path/x")]
    public void What_is_no_such_thing_is_refused(string text) =>
        Assert.Equal(StorageError.InvalidArgument, Assert.Throws<StorageException>(() => ForeignSource.Parse(text)).Error);

    [Theory]
    [InlineData($"vg/{Uuid}", "", "topolvm")]
    [InlineData($"vg/pvc-{Uuid}", "", "openebs-lvm")]
    [InlineData($"vg/pvc-{Uuid}", "lv.metal-stack.io/csi-lvm-driver", "csi-driver-lvm")]
    [InlineData("vg/home", "lv.metal-stack.io/csi-lvm", "csi-driver-lvm")]
    [InlineData("vg/home", "", "plain")]
    [InlineData("vg/pvc-1", "", "plain")]
    [InlineData($"/opt/local-path-provisioner/pvc-{Uuid}_default_data", "", "local-path")]
    [InlineData($"/opt/local-path-provisioner/pvc-{Uuid}_default", "", "plain")]
    [InlineData("/srv/default/data", "", "plain")]
    public void Each_driver_is_known_by_what_it_calls_its_volumes(string source, string tag, string expected) => Assert.Equal(
        expected,
        ForeignLayouts.WordOf(ForeignLayouts.Recognise(new() { Source = ForeignSource.Parse(source), Identity = "", Tags = [tag] })));

    [Theory]
    [InlineData($"pvc-{Uuid}_default_data", $"pvc-{Uuid}")]
    [InlineData("a_b_c", "a_b_c")]
    [InlineData("disk.img", "disk")]
    [InlineData("disk.raw", "disk")]
    [InlineData("disk.qcow2", "disk.qcow2")]
    [InlineData(".img", ".img")]
    public void A_volume_is_called_what_it_was(string name, string expected) => Assert.Equal(expected, ForeignLayouts.DefaultName(name));

    [Fact]
    public void Every_driver_has_a_word_and_every_word_a_driver() =>
        Assert.Equal(Enum.GetValues<ForeignLayout>().Order(), ForeignLayouts.Words.Select(word => ForeignLayouts.Parse(word)!.Value).Order());
}
