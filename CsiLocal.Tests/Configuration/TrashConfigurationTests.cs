using CsiLocal.Configuration;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Configuration;

public sealed class TrashConfigurationTests
{
    private const string Pool = "pools: [{ name: a, backend: image, path: /srv/a";

    [Fact]
    public void Without_a_word_deleted_volumes_are_kept_for_a_day_and_then_discarded()
    {
        var trash = Parse($"{Pool} }}]").Pools[0].Trash;

        Assert.Equal((TimeSpan.FromDays(1), EraseMode.Discard, 100L << 20), (trash.Grace, trash.Erase, trash.EraseRateBytes));
    }

    [Fact]
    public void What_the_file_says_holds_for_all_pools_but_for_what_a_pool_says_itself()
    {
        var pools = Parse(
            $$"""
            trash: { grace: 2h, erase: zero, eraseRate: 10Mi }
            pools:
              - { name: a, backend: image, path: /srv/a }
              - { name: b, backend: lvm, volumeGroup: v, trash: { grace: 0, eraseRate: 0 } }
              - { name: c, backend: directory, path: /srv/c, trash: { erase: none } }
            """).Pools;

        Assert.Equal(
            [
                new TrashOptions { Grace = TimeSpan.FromHours(2), Erase = EraseMode.Zero, EraseRateBytes = 10 << 20 },
                new TrashOptions { Grace = TimeSpan.Zero, Erase = EraseMode.Zero, EraseRateBytes = 0 },
                new TrashOptions { Grace = TimeSpan.FromHours(2), Erase = EraseMode.None, EraseRateBytes = 10 << 20 },
            ],
            pools.Select(static pool => pool.Trash));
    }

    [Theory]
    [InlineData("backend: directory, path: /srv/a", "directory")]
    [InlineData("backend: lvm-thin, volumeGroup: v, thinPool: t", "lvm-thin")]
    public void Nothing_is_overwritten_where_it_cannot_be(string pool, string backend)
    {
        var e = Assert.Throws<ConfigurationException>(() => Parse($"trash: {{ erase: random }}\npools: [{{ name: a, {pool} }}]"));

        Assert.Contains($"erase: random cannot be had in {backend} pools", Assert.Single(e.Problems).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_trash_that_is_no_mapping_is_a_problem()
    {
        var e = Assert.Throws<ConfigurationException>(() => Parse("trash: 24h"));

        Assert.Equal("c.yaml:1:8: trash: is a single value; a mapping such as { grace: 24h, erase: discard } is expected", Assert.Single(e.Problems).ToString());
    }

    private static FileConfiguration Parse(string text) => ConfigurationFile.Parse(text, "c.yaml");
}
