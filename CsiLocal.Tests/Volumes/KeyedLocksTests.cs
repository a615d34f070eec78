using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Volumes;

public sealed class KeyedLocksTests
{
    private readonly KeyedLocks locks = new();

    [Fact]
    public void A_second_operation_on_the_same_key_is_told_to_try_again_and_what_holds_it()
    {
        using var held = locks.AcquireExclusive("a", "delete volume a");

        var refused = Assert.Throws<StorageException>(() => locks.AcquireExclusive("a", "stage volume a"));

        Assert.Equal(StorageError.Aborted, refused.Error);
        Assert.Contains("delete volume a", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_keys_are_free()
    {
        using var held = locks.AcquireExclusive("a", "x");
        using var other = locks.AcquireExclusive("b", "y");
    }

    [Fact]
    public void A_released_key_is_free_again_however_often_it_is_released()
    {
        var held = locks.AcquireExclusive("a", "x");
        held.Dispose();
        using var next = locks.AcquireExclusive("a", "y");
        held.Dispose();

        Assert.Throws<StorageException>(() => locks.AcquireExclusive("a", "z"));
    }

    [Fact]
    public void Readers_share_a_key_and_keep_a_writer_out_until_the_last_one_is_gone()
    {
        var one = locks.AcquireShared("a", "restore 1");
        var two = locks.AcquireShared("a", "restore 2");
        Assert.Throws<StorageException>(() => locks.AcquireExclusive("a", "delete"));
        one.Dispose();
        Assert.Throws<StorageException>(() => locks.AcquireExclusive("a", "delete"));
        two.Dispose();

        using var writer = locks.AcquireExclusive("a", "delete");
        Assert.Throws<StorageException>(() => locks.AcquireShared("a", "restore 3"));
    }
}
