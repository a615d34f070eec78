using CsiLocal.Backends.Lvm;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class LvmMetadataTextTests
{
    private static readonly LvmMetadataText s_queued = LvmMetadataText.Parse(Captured.Text("queued"));

    [Fact]
    public void A_thin_pools_messages_and_changes_are_read()
    {
        var queued = s_queued.MessagesOf("vg", "pool")!;

        Assert.Equal(["unmade"], queued.Creates);
        Assert.InRange(queued.TransactionId, 4, 100);
        Assert.Null(s_queued.MessagesOf("vg", "thin"));
        Assert.Null(s_queued.MessagesOf("vg", "nosuch"));
        Assert.Null(s_queued.MessagesOf("other", "pool"));
    }

    [Fact]
    public void Tags_and_the_groups_UUID_are_read()
    {
        Assert.Equal(["csilocal.volume=1&name=a#20b", "foreign"], s_queued.TagsOf("vg", "unmade").Order(StringComparer.Ordinal));
        Assert.Empty(s_queued.TagsOf("vg", "thin"));
        Assert.Matches("^.{6}(-.{4}){5}-.{6}$", s_queued.GroupUuid("vg"));
        Assert.Null(s_queued.GroupUuid("other"));
    }

    [Theory]
    [InlineData("vg {\nid = \"x\"\n")]
    [InlineData("vg {\n}\n}\n")]
    public void A_text_that_is_cut_off_is_not_read(string text) => Assert.Throws<FormatException>(() => LvmMetadataText.Parse(text));
}
