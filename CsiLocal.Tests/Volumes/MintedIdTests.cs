using CsiLocal.Volumes;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace CsiLocal.Tests.Volumes;

public sealed class MintedIdTests
{
    [Fact]
    public void The_id_is_the_base32_of_the_first_hundred_bits_of_sha256_of_the_name()
    {
        // printf %s data | sha256sum | xxd -r -p | base32 | tr A-Z a-z | cut -c1-20
        Assert.Equal("vhjxla6iphgwipskphbll", VolumeId.Mint("data").Value);
    }

    [Fact]
    public void Every_minted_id_is_recognised_and_no_name_reaches_it() =>
        Prop.ForAll<NonNull<string>>(static name =>
        {
            var id = VolumeId.Mint(name.Get).Value;
            Assert.True(VolumeId.TryParse(id, out var parsed));
            Assert.Equal(id, parsed.Value);
            Assert.Matches("^v[a-z2-7]{20}$", id);
            Assert.False(SnapshotId.TryParse(id, out _));
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("")]
    [InlineData("v")]
    [InlineData("../../../../etc/passwd")]
    [InlineData("vaaaaaaaaaaaaaaaaaaa/")]
    [InlineData("vaaaaaaaaaaaaaaaaaaaA")]
    [InlineData("vaaaaaaaaaaaaaaaaaaa1")]
    [InlineData("vaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("vaaaaaaaaaaaaaaaaaaa\0")]
    [InlineData("saaaaaaaaaaaaaaaaaaaa")]
    public void Anything_else_is_no_volume_id(string text) => Assert.False(VolumeId.TryParse(text, out _));
}
