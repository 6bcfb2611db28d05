// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of page requests on mock IOMMUs.
 *
 * When the domain of a device or PASID changes, page requests sent before the
 * change belong to the old domain. The tests change the domain while a
 * page request is in the device, in the page request queue, or in the handler
 * of the old domain. When the change returns, the request must have been
 * answered, and the handler of the next domain must never get it.
 */

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "../../iommu-priv.h"
#include "fixture.h"

/* Interrupt delay in ns: a change that does not wait for it takes less */
#define PRQ_LATENCY	(40 * NSEC_PER_MSEC)
/* Time in ms that a slow handler takes to answer */
#define PRQ_WORK_MS	40
/* Limit in ms of each wait */
#define PRQ_LIMIT_MS	2000
/* Time in ms within which a drain reaches the handler it has to wait for */
#define PRQ_DRAIN_MS	500
/* Page request group index of all requests */
#define PRQ_INDEX	7

/**
 * enum prq_kind - kind of domain that a device or PASID is attached to
 * @PRQ_PAGING: Paging domain with a page request handler.
 * @PRQ_NESTED: Nested domain with a handler.
 * @PRQ_SVA: SVA domain with a handler.
 * @PRQ_NO_HANDLER: Paging domain without a handler.
 * @PRQ_IDENTITY: The identity domain.
 * @PRQ_DETACHED: No domain of the test: the PASID is detached, or the device is
 *	attached to its default domain.
 * @PRQ_BLOCKED: The blocking domain, which replaces the old domain when a
 *	device with a DMA owner is detached.
 * @PRQ_RESET: The blocking domain, for the duration of a device reset.
 */
enum prq_kind {
	PRQ_PAGING,
	PRQ_NESTED,
	PRQ_SVA,
	PRQ_NO_HANDLER,
	PRQ_IDENTITY,
	PRQ_DETACHED,
	PRQ_BLOCKED,
	PRQ_RESET,
};

/**
 * struct prq_user - attachment of a domain, and the page requests it receives
 * @handle: Attach handle.
 * @domain: The domain.
 * @dev: The device.
 * @pasid: The PASID, or %IOMMU_NO_PASID.
 * @slow: The handler answers later, on the page fault work queue of the IOMMU.
 * @held: A slow handler does not answer before this is false.
 * @work: Work item that answers @group.
 * @group: Request group that a slow handler answers later.
 * @groups: Number of request groups passed to the handler.
 * @faults: Number of page requests in these groups.
 * @pending: @group has not been answered yet.
 */
struct prq_user {
	struct iommu_attach_handle handle;
	struct iommu_domain *domain;
	struct device *dev;
	ioasid_t pasid;
	bool slow;
	bool held;
	struct work_struct work;
	struct iopf_group *group;
	unsigned int groups;
	unsigned int faults;
	bool pending;
};

static struct mock_prq *prq_queue(void)
{
	return &mock_iommu(MOCK_FS2)->prq;
}

static void prq_work(struct work_struct *work)
{
	struct prq_user *user = container_of(work, typeof(*user), work);

	do {
		msleep(PRQ_WORK_MS);
	} while (READ_ONCE(user->held));
	iopf_group_response(user->group, IOMMU_PAGE_RESP_SUCCESS);
	iopf_free_group(user->group);
	/* Pairs with the acquire in prq_wait(). */
	smp_store_release(&user->pending, false);
}

static int prq_handler(struct iopf_group *group)
{
	struct prq_user *user = container_of(group->attach_handle,
					     typeof(*user), handle);

	user->faults += group->fault_count;
	if (user->slow) {
		iopf_group_dequeue(group);
		user->group = group;
		WRITE_ONCE(user->pending, true);
		INIT_WORK(&user->work, prq_work);
		queue_work(group->fault_param->queue->wq, &user->work);
	} else {
		iopf_group_response(group, IOMMU_PAGE_RESP_SUCCESS);
		iopf_free_group(group);
	}
	WRITE_ONCE(user->groups, user->groups + 1);
	return 0;
}

KUNIT_DEFINE_ACTION_WRAPPER(prq_free_domain, iommu_domain_free,
			    struct iommu_domain *);

/*
 * Create an SVA domain as iommu_sva_bind_device() does. The test attaches it
 * with an attach handle of its own.
 */
static struct iommu_domain *prq_new_sva(struct kunit *test, struct device *dev)
{
	const struct iommu_ops *ops = dev_iommu_ops(dev);
	struct iommu_domain *domain;

	/* Give the test an address space. */
	ut_new_user_page(test);
	domain = ops->domain_alloc_sva(dev, current->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	mmgrab(current->mm);
	domain->mm = current->mm;
	domain->type = IOMMU_DOMAIN_SVA;
	domain->cookie_type = IOMMU_COOKIE_SVA;
	domain->owner = ops;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, prq_free_domain,
							domain), 0);
	return domain;
}

static struct iommu_domain *prq_new_domain(struct kunit *test,
					   struct device *dev,
					   enum prq_kind kind)
{
	struct iommu_domain *domain;
	struct ut_guest guest = {};

	switch (kind) {
	case PRQ_IDENTITY:
		return dev_iommu_ops(dev)->identity_domain;
	case PRQ_NO_HANDLER:
		return ut_new_domain(test, dev, 0);
	case PRQ_NESTED:
		ut_new_guest(test, dev, &guest);
		domain = guest.domain;
		break;
	case PRQ_SVA:
		domain = prq_new_sva(test, dev);
		break;
	default:
		domain = ut_new_domain(test, dev, 0);
		break;
	}
	domain->iopf_handler = prq_handler;
	return domain;
}

/* Kinds without a domain get a paging domain, which may be attached later. */
static struct prq_user *prq_new_user(struct kunit *test, struct device *dev,
				     ioasid_t pasid, enum prq_kind kind)
{
	struct prq_user *user = kunit_kzalloc(test, sizeof(*user), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, user);
	user->dev = dev;
	user->pasid = pasid;
	user->domain = prq_new_domain(test, dev, kind);
	return user;
}

static int prq_attach(struct prq_user *user)
{
	if (user->pasid == IOMMU_NO_PASID)
		return iommu_attach_group_handle(user->domain,
						 user->dev->iommu_group,
						 &user->handle);
	return iommu_attach_device_pasid(user->domain, user->dev, user->pasid,
					 &user->handle);
}

static void prq_detach(struct prq_user *user)
{
	ut_detach_handle(user->domain, user->dev, user->pasid);
}

static int prq_replace(struct prq_user *user)
{
	return ut_replace(user->domain, user->dev, user->pasid, &user->handle);
}

/* Wait until all page requests have been processed and answered. */
static void prq_wait(struct kunit *test, struct prq_user *user)
{
	unsigned int i;
	bool pending;

	for (i = 0; i < PRQ_LIMIT_MS; i += 20) {
		/* Pairs with the release in prq_work(). */
		pending = smp_load_acquire(&user->pending);
		if (!pending && mock_prq_is_idle(prq_queue()))
			return;
		msleep(20);
	}
	KUNIT_FAIL(test, "page requests still pending after time limit");
}

/* Count the answers with response code @code, or with any if it is negative. */
static unsigned int prq_answers(struct kunit *test, const struct prq_user *user,
				int code)
{
	const struct mock_iommu *iommu = mock_iommu(MOCK_FS2);
	const u16 sid = pci_dev_id(to_pci_dev(user->dev));
	unsigned int i, n = 0;

	KUNIT_ASSERT_LE(test, iommu->nr_log, MOCK_MAX_LOG);
	for (i = 0; i < iommu->nr_log; i++) {
		const struct mock_inv *inv = &iommu->log[i];

		n += inv->type == MOCK_INV_PAGE_RESPONSE && inv->sid == sid &&
		     inv->pasid == user->pasid && inv->index == PRQ_INDEX &&
		     (code < 0 || inv->code == code);
	}
	return n;
}

/*
 * Whether a device-TLB invalidation follows the last answer to a device. A
 * device that has completed the invalidation has received the answer.
 */
static bool prq_answer_drained(const struct prq_user *user)
{
	const struct mock_iommu *iommu = mock_iommu(MOCK_FS2);
	const u16 sid = pci_dev_id(to_pci_dev(user->dev));
	bool drained = true;
	unsigned int i;

	for (i = 0; i < iommu->nr_log; i++) {
		const struct mock_inv *inv = &iommu->log[i];

		if (inv->sid != sid)
			continue;
		if (inv->type == MOCK_INV_PAGE_RESPONSE)
			drained = false;
		if (inv->type == MOCK_INV_DEVTLB ||
		    inv->type == MOCK_INV_DEVTLB_PASID)
			drained = true;
	}
	return drained;
}

static void prq_request(const struct prq_user *user)
{
	mock_request_page(user->dev, user->pasid, IOVA, PRQ_INDEX, true);
}

/**
 * struct prq_change - domain change; parameter of the tests
 * @name: Name in messages.
 * @pasid: The PASID, or %IOMMU_NO_PASID.
 * @old: Kind of the domain before the change.
 * @next: Kind of the domain after the change.
 */
struct prq_change {
	const char *name;
	ioasid_t pasid;
	enum prq_kind old;
	enum prq_kind next;
};

static const struct prq_change prq_changes[] = {
	{ "RID, paging to blocked", IOMMU_NO_PASID, PRQ_PAGING, PRQ_BLOCKED },
	{ "RID, nested to blocked", IOMMU_NO_PASID, PRQ_NESTED, PRQ_BLOCKED },
	{ "RID, no handler to blocked", IOMMU_NO_PASID, PRQ_NO_HANDLER,
	  PRQ_BLOCKED },
	{ "RID, paging to default", IOMMU_NO_PASID, PRQ_PAGING, PRQ_DETACHED },
	{ "RID, paging to paging", IOMMU_NO_PASID, PRQ_PAGING, PRQ_PAGING },
	{ "RID, paging to no handler", IOMMU_NO_PASID, PRQ_PAGING,
	  PRQ_NO_HANDLER },
	{ "RID, no handler to paging", IOMMU_NO_PASID, PRQ_NO_HANDLER,
	  PRQ_PAGING },
	{ "RID, paging to nested", IOMMU_NO_PASID, PRQ_PAGING, PRQ_NESTED },
	{ "RID, nested to paging", IOMMU_NO_PASID, PRQ_NESTED, PRQ_PAGING },
	{ "RID, paging to identity", IOMMU_NO_PASID, PRQ_PAGING, PRQ_IDENTITY },
	{ "RID, paging in reset", IOMMU_NO_PASID, PRQ_PAGING, PRQ_RESET },
	{ "RID, nested in reset", IOMMU_NO_PASID, PRQ_NESTED, PRQ_RESET },
	{ "PASID, paging detached", PASID, PRQ_PAGING, PRQ_DETACHED },
	{ "PASID, nested detached", PASID, PRQ_NESTED, PRQ_DETACHED },
	{ "PASID, SVA detached", PASID, PRQ_SVA, PRQ_DETACHED },
	{ "PASID, no handler detached", PASID, PRQ_NO_HANDLER, PRQ_DETACHED },
	{ "PASID, paging to paging", PASID, PRQ_PAGING, PRQ_PAGING },
	{ "PASID, paging to no handler", PASID, PRQ_PAGING, PRQ_NO_HANDLER },
	{ "PASID, no handler to paging", PASID, PRQ_NO_HANDLER, PRQ_PAGING },
	{ "PASID, paging to nested", PASID, PRQ_PAGING, PRQ_NESTED },
	{ "PASID, nested to no handler", PASID, PRQ_NESTED, PRQ_NO_HANDLER },
	{ "PASID, paging to SVA", PASID, PRQ_PAGING, PRQ_SVA },
	{ "PASID, SVA to no handler", PASID, PRQ_SVA, PRQ_NO_HANDLER },
	{ "PASID, paging to identity", PASID, PRQ_PAGING, PRQ_IDENTITY },
	{ "PASID, paging in reset", PASID, PRQ_PAGING, PRQ_RESET },
	{ "PASID, SVA in reset", PASID, PRQ_SVA, PRQ_RESET },
};

KUNIT_ARRAY_PARAM_DESC(prq_change, prq_changes, name);

static bool prq_has_handler(enum prq_kind kind)
{
	return kind == PRQ_PAGING || kind == PRQ_NESTED || kind == PRQ_SVA;
}

/* Only changes from a domain with a handler */
static const void *prq_handled_gen_params(struct kunit *test, const void *prev,
					  char *desc)
{
	const struct prq_change *c;

	do {
		c = prq_change_gen_params(test, prev, desc);
		prev = c;
	} while (c && !prq_has_handler(c->old));
	return c;
}

KUNIT_DEFINE_ACTION_WRAPPER(prq_release_owner, iommu_group_release_dma_owner,
			    struct iommu_group *);

/**
 * enum prq_place - where a page request is when the domain changes
 * @PRQ_IN_DEVICE: In the device, until a drain pushes it out.
 * @PRQ_IN_QUEUE: In the page request queue; the interrupt is delayed.
 * @PRQ_IN_HANDLER: In the handler of the old domain, which answers it later.
 */
enum prq_place {
	PRQ_IN_DEVICE,
	PRQ_IN_QUEUE,
	PRQ_IN_HANDLER,
};

/* Send a page request from the device, and delay it at @place. */
static void prq_place_request(struct kunit *test, struct prq_user *user,
			      enum prq_place place)
{
	unsigned int i;

	if (place == PRQ_IN_HANDLER) {
		user->slow = true;
		prq_request(user);
		for (i = 0; i < PRQ_LIMIT_MS && !READ_ONCE(user->groups); i++)
			usleep_range(500, 1000);
		KUNIT_EXPECT_EQ(test, user->groups, 1);
		return;
	}
	mock_hold_requests(prq_queue(), place == PRQ_IN_DEVICE);
	mock_delay_event(prq_queue(), PRQ_LATENCY);
	prq_request(user);
}

static void prq_change_domain(struct kunit *test, enum prq_kind kind,
			      struct prq_user *old, struct prq_user *next)
{
	switch (kind) {
	case PRQ_DETACHED:
	case PRQ_BLOCKED:
		prq_detach(old);
		break;
	case PRQ_RESET:
		KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(to_pci_dev(old->dev)),
				0);
		break;
	default:
		KUNIT_ASSERT_EQ(test, prq_replace(next), 0);
		break;
	}
}

/*
 * After a detach, attach the next domain. During a reset, end the reset, which
 * attaches the old domain again. Returns the user of the attached domain.
 */
static struct prq_user *prq_finish_change(struct kunit *test,
					  enum prq_kind kind,
					  struct prq_user *old,
					  struct prq_user *next)
{
	switch (kind) {
	case PRQ_DETACHED:
	case PRQ_BLOCKED:
		KUNIT_ASSERT_EQ(test, prq_attach(next), 0);
		return next;
	case PRQ_RESET:
		pci_dev_reset_iommu_done(to_pci_dev(old->dev));
		return old;
	default:
		return next;
	}
}

static void prq_change_with_request(struct kunit *test, enum prq_place place)
{
	const struct prq_change *c = test->param_value;
	struct device *dev = mock_dev(MOCK_FS2, 1);
	const bool handled = prq_has_handler(c->old);
	struct iommu_group *group = dev->iommu_group;
	struct prq_user *old, *next, *last;

	old = prq_new_user(test, dev, c->pasid, c->old);
	next = prq_new_user(test, dev, c->pasid, c->next);
	if (c->next == PRQ_BLOCKED) {
		KUNIT_ASSERT_EQ(test, iommu_group_claim_dma_owner(group, test),
				0);
		KUNIT_ASSERT_EQ(test,
				kunit_add_action_or_reset(test,
							  prq_release_owner,
							  group), 0);
	}
	KUNIT_ASSERT_EQ(test, prq_attach(old), 0);
	mock_reset();
	prq_place_request(test, old, place);

	prq_change_domain(test, c->next, old, next);
	KUNIT_EXPECT_EQ(test, prq_answers(test, old, -1), 1);
	KUNIT_EXPECT_TRUE(test, prq_answer_drained(old));
	/* Pairs with the release in prq_work(). */
	KUNIT_EXPECT_FALSE(test, smp_load_acquire(&old->pending));

	last = prq_finish_change(test, c->next, old, next);
	mock_hold_requests(prq_queue(), false);
	prq_wait(test, old);
	KUNIT_EXPECT_EQ(test, next->groups, 0);
	KUNIT_EXPECT_EQ(test, old->groups, handled);
	KUNIT_EXPECT_EQ(test, prq_answers(test, old,
					  handled ? IOMMU_PAGE_RESP_SUCCESS :
					  IOMMU_PAGE_RESP_INVALID), 1);
	KUNIT_EXPECT_EQ(test, prq_answers(test, old, -1), 1);
	prq_detach(last);
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(dev->iommu->fault_param));
}

static void change_with_request_in_device(struct kunit *test)
{
	prq_change_with_request(test, PRQ_IN_DEVICE);
}

static void change_with_request_in_queue(struct kunit *test)
{
	prq_change_with_request(test, PRQ_IN_QUEUE);
}

static void change_with_request_in_handler(struct kunit *test)
{
	prq_change_with_request(test, PRQ_IN_HANDLER);
}

/* While a domain is attached, its handler gets the page requests. */
static void requests_of_attached_domain(struct kunit *test)
{
	const struct prq_change *c = test->param_value;
	struct device *dev = mock_dev(MOCK_FS2, 1);
	struct prq_user *user = prq_new_user(test, dev, c->pasid, c->old);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, prq_attach(user), 0);
	mock_reset();
	for (i = 1; i <= 3; i++) {
		prq_request(user);
		prq_wait(test, user);
		KUNIT_EXPECT_EQ(test, prq_answers(test, user, -1), i);
		KUNIT_EXPECT_EQ(test, user->groups,
				prq_has_handler(c->old) ? i : 0);
	}
	prq_detach(user);
}

/* During a reset, a page request is answered but reaches no handler. */
static void request_during_reset(struct kunit *test)
{
	static const ioasid_t pasids[] = { IOMMU_NO_PASID, PASID };
	struct device *dev = mock_dev(MOCK_FS2, 1);
	struct pci_dev *pdev = to_pci_dev(dev);
	struct prq_user *user;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		user = prq_new_user(test, dev, pasids[i], PRQ_PAGING);
		KUNIT_ASSERT_EQ(test, prq_attach(user), 0);
		KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(pdev), 0);
		mock_reset();
		prq_request(user);
		prq_wait(test, user);
		KUNIT_EXPECT_EQ(test, prq_answers(test, user,
						  IOMMU_PAGE_RESP_INVALID), 1);
		KUNIT_EXPECT_EQ(test, user->groups, 0);
		pci_dev_reset_iommu_done(pdev);
		prq_request(user);
		prq_wait(test, user);
		KUNIT_EXPECT_EQ(test, user->groups, 1);
		prq_detach(user);
	}
}

/* If a replacement is refused, the old domain still gets page requests. */
static void refused_replace_keeps_requests(struct kunit *test)
{
	static const ioasid_t pasids[] = { IOMMU_NO_PASID, PASID };
	struct device *dev = mock_dev(MOCK_FS2, 1);
	struct prq_user *user, *deep;
	struct ut_guest guest = {};
	unsigned int i;

	ut_new_guest(test, dev, &guest);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		user = prq_new_user(test, dev, pasids[i], PRQ_PAGING);
		deep = prq_new_user(test, dev, pasids[i], PRQ_NO_HANDLER);
		/* More levels than the IOMMU supports */
		deep->domain = ut_new_nested(test, dev, &guest, 57);
		deep->domain->iopf_handler = prq_handler;

		KUNIT_ASSERT_EQ(test, prq_attach(user), 0);
		mock_reset();
		mock_delay_event(prq_queue(), PRQ_LATENCY);
		prq_request(user);
		KUNIT_EXPECT_EQ(test, prq_replace(deep), -EINVAL);
		prq_wait(test, user);
		prq_request(user);
		prq_wait(test, user);
		KUNIT_EXPECT_EQ(test, prq_answers(test, user,
						  IOMMU_PAGE_RESP_SUCCESS), 2);
		KUNIT_EXPECT_EQ(test, user->groups, 2);
		KUNIT_EXPECT_EQ(test, deep->groups, 0);
		prq_detach(user);
		KUNIT_EXPECT_NULL(test,
				  rcu_access_pointer(dev->iommu->fault_param));
	}
}

static void prq_check_registered(struct kunit *test, struct ut_failing *f,
				 bool attached)
{
	KUNIT_EXPECT_EQ(test, attached,
			!!rcu_access_pointer(f->dev->iommu->fault_param));
}

/* If a replacement fails, the device is not left registered for page faults. */
static void failed_replace_unregisters(struct kunit *test)
{
	static const ioasid_t pasids[] = { IOMMU_NO_PASID, PASID };
	struct device *dev = mock_dev(MOCK_FS2, 1);
	struct ut_failing f = { .dev = dev, .check = prq_check_registered };
	struct prq_user *user;
	unsigned int i;

	f.domain = prq_new_domain(test, dev, PRQ_PAGING);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		user = prq_new_user(test, dev, pasids[i], PRQ_NO_HANDLER);
		KUNIT_ASSERT_EQ(test, prq_attach(user), 0);
		f.pasid = pasids[i];
		f.old = user->domain;
		ut_fail_each(test, &f);
		prq_detach(user);
	}
}

static void prq_detach_work(void *user)
{
	prq_detach(user);
}

static bool prq_thread_ended(const struct ut_thread *t)
{
	/* Pairs with the release in fixture_run_thread(). */
	return smp_load_acquire(&t->done);
}

/* Detach two devices of an IOMMU while each has a request in the queue. */
static void concurrent_detach_with_requests(struct kunit *test)
{
	struct ut_thread threads[2];
	struct prq_user *users[2];
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		users[i] = prq_new_user(test, mock_dev(MOCK_FS2, 1 + i), PASID,
					PRQ_PAGING);
		KUNIT_ASSERT_EQ(test, prq_attach(users[i]), 0);
	}
	mock_reset();
	/* Even on a busy host, both threads must wait before the interrupt. */
	mock_delay_event(prq_queue(), 20 * PRQ_LATENCY);
	for (i = 0; i < 2; i++)
		prq_request(users[i]);
	for (i = 0; i < 2; i++)
		ut_start(test, &threads[i], prq_detach_work, users[i]);
	for (i = 0; i < 2; i++) {
		for (j = 0; j < 2 * PRQ_LIMIT_MS; j += 20) {
			if (prq_thread_ended(&threads[i]))
				break;
			msleep(20);
		}
		KUNIT_EXPECT_LT(test, j, 2 * PRQ_LIMIT_MS);
		/* If a waiter missed its wake-up, more requests wake it up. */
		for (; !prq_thread_ended(&threads[i]); msleep(20))
			prq_request(users[!i]);
		ut_join(&threads[i]);
	}
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, users[i]->groups, 1);
		prq_wait(test, users[i]);
	}
}

/* The drain does not wait for the device TLB of a removed device. */
static void detach_of_removed_device(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS2, 1);
	struct prq_user *user = prq_new_user(test, dev, PASID, PRQ_PAGING);
	struct mock_iommu *iommu = mock_iommu(MOCK_FS2);

	KUNIT_ASSERT_EQ(test, prq_attach(user), 0);
	mock_reset();
	mock_delay_event(prq_queue(), PRQ_LATENCY);
	prq_request(user);
	mock_set_removed(dev, true);
	prq_detach(user);
	KUNIT_EXPECT_EQ(test, user->groups, 1);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 0);
	mock_set_removed(dev, false);
}

/*
 * A page request that arrives while the drain waits for the handler of an
 * earlier request has been answered when the detach returns. The interrupt of
 * the second request is delayed until after the handler has ended.
 */
static void request_during_drain(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS2, 1);
	struct prq_user *user = prq_new_user(test, dev, PASID, PRQ_PAGING);
	struct ut_thread thread;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, prq_attach(user), 0);
	mock_reset();
	user->slow = true;
	user->held = true;
	prq_request(user);
	for (i = 0; i < PRQ_LIMIT_MS && !READ_ONCE(user->groups); i++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, user->groups, 1);
	user->slow = false;
	mock_delay_event(prq_queue(), 3 * PRQ_DRAIN_MS * NSEC_PER_MSEC);
	ut_start(test, &thread, prq_detach_work, user);
	msleep(PRQ_DRAIN_MS);
	prq_request(user);
	WRITE_ONCE(user->held, false);
	ut_join(&thread);
	KUNIT_EXPECT_EQ(test, prq_answers(test, user, -1), 2);
	prq_wait(test, user);
	KUNIT_EXPECT_EQ(test, prq_answers(test, user, -1), 2);
}

static struct kunit_case prq_cases[] = {
	KUNIT_CASE(request_during_drain),
	KUNIT_CASE_PARAM(requests_of_attached_domain, prq_change_gen_params),
	KUNIT_CASE_PARAM(change_with_request_in_device, prq_change_gen_params),
	KUNIT_CASE_PARAM(change_with_request_in_queue, prq_change_gen_params),
	KUNIT_CASE_PARAM(change_with_request_in_handler,
			 prq_handled_gen_params),
	KUNIT_CASE(request_during_reset),
	KUNIT_CASE(refused_replace_keeps_requests),
	KUNIT_CASE(failed_replace_unregisters),
	KUNIT_CASE(concurrent_detach_with_requests),
	KUNIT_CASE(detach_of_removed_device),
	{}
};

static struct kunit_suite prq_suite = {
	.name = "intel_iommu_prq",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = prq_cases,
};

kunit_test_suites(&prq_suite);

MODULE_DESCRIPTION("KUnit tests of page requests on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
