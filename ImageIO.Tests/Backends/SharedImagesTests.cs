using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Backends;

/// <summary>How long what handles share is kept: while the image is open, or while a ticket must learn of a
/// loss.</summary>
public sealed class SharedImagesTests
{
    private static readonly ImageUrl Url = ImageUrl.Parse("memory:disk");
    private static readonly ImageUrl Other = ImageUrl.Parse("memory:./disk");

    private readonly SharedImages _images = new(TestThreads.Queue);

    [Fact]
    public void An_image_that_all_handles_closed_is_kept_while_a_ticket_leads_to_it_and_it_has_unflushed_writes()
    {
        _images.TicketAdded(Url);
        _images.TicketAdded(Url);
        SharedImage image = OpenWriteClose(Url);

        Assert.Same(image, OpenWriteClose(Url));
        _images.TicketRemoved(Url);
        Assert.Same(image, OpenWriteClose(Url));
        _images.TicketRemoved(Url);
        _images.TicketAdded(Url);
        Assert.NotSame(image, OpenWriteClose(Url));
    }

    [Fact]
    public void An_image_with_nothing_to_remember_goes_with_its_last_handle()
    {
        _images.TicketAdded(Url);
        SharedImage image = _images.Opened("disk", "storage", Url);
        Assert.Same(image, _images.Opened("disk", "storage", Url));
        _images.Closed("disk");
        Assert.Same(image, _images.Opened("disk", "storage", Url));
        _images.Closed("disk");
        _images.Closed("disk");

        Assert.NotSame(image, _images.Opened("disk", "storage", Url));
    }

    [Fact]
    public void An_image_that_two_urls_lead_to_is_kept_for_the_tickets_of_both()
    {
        _images.TicketAdded(Url);
        _images.TicketAdded(Other);
        SharedImage image = OpenWriteClose(Url);
        Assert.Same(image, OpenWriteClose(Other));

        _images.TicketRemoved(Url);

        Assert.Same(image, OpenWriteClose(Other));
    }

    [Fact]
    public void What_is_behind_a_path_now_has_no_memory_of_what_was_there_before()
    {
        _images.TicketAdded(Url);
        SharedImage image = OpenWriteClose(Url);

        Assert.NotSame(image, OpenWriteClose(Url, "another disk"));
        Assert.Same(image, OpenWriteClose(Url));
    }

    // Issue 15, B13: memory for each server that there ever was has no bound.
    [Fact]
    public void A_storage_is_forgotten_with_its_last_image()
    {
        _images.Opened("disk", "server", Url);
        _images.Opened("another disk", "server", Other);
        _images.Opened("third disk", "another server", Other);
        Assert.Equal(2, _images.Storages);

        _images.Closed("disk");
        Assert.Equal(2, _images.Storages);
        _images.Closed("another disk");
        _images.Closed("third disk");

        Assert.Equal(0, _images.Storages);
    }

    private SharedImage OpenWriteClose(ImageUrl url, string name = "disk")
    {
        SharedImage image = _images.Opened(name, "storage", url);
        UnflushedWrites handle = image.Flushes.Opened();
        image.Flushes.WriteStarts(handle, new ByteRange(0, 512));
        image.Flushes.Closed(handle);
        _images.Closed(name);
        return image;
    }
}
